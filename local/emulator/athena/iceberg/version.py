"""An Iceberg table as of one of its snapshots: its columns, and where a file has them.

No patch of its own: `iceberg/table` uses it. Time travel is Trino's
(https://trino.io/docs/current/connector/iceberg.html#time-travel-queries); Athena documents timestamps and ids of
snapshots (https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-time-travel-and-version-travel-queries.html).
"""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import NestedField
from sqlglot import exp
from sqlglot.dialects import DuckDB

from local.emulator.athena.files import BadData

FIELD_ID = b"PARQUET:field_id"
TEMPORAL = ("DATE", "TIMESTAMP")


class Version:
    """A table at a snapshot; without one it has columns and no files.

    `travels`: the statement names the snapshot, and sees the columns of that time. Others see those of now, which the
    current snapshot need not have yet (https://github.com/trinodb/trino/issues/23295).
    """

    def __init__(self, metadata: TableMetadata, snapshot: Snapshot | None, *, travels: bool = False) -> None:
        self.snapshot = snapshot
        schemas = {schema.schema_id: schema for schema in metadata.schemas}
        former = schemas.get(snapshot.schema_id) if travels and snapshot and snapshot.schema_id is not None else None
        self.schema: Schema = former or metadata.schema()
        # pyiceberg plans by the current schema: a condition on a former name needs the former schema there.
        self.metadata: TableMetadata = metadata.model_copy(update={"current_schema_id": self.schema.schema_id})

    @property
    def columns(self) -> tuple[NestedField, ...]:
        return self.schema.fields

    @cached_property
    def _identities(self) -> dict[int, dict[int, int]]:
        """By the id of a partition spec: the place of each column that it takes as it is."""
        return {
            spec.spec_id: {
                field.source_id: place
                for place, field in enumerate(spec.fields)
                if isinstance(field.transform, IdentityTransform)
            }
            for spec in self.metadata.partition_specs
        }

    @cached_property
    def keys(self) -> list[NestedField]:
        """The columns that any spec takes as they are."""
        taken = {source for places in self._identities.values() for source in places}
        return [field for field in self.columns if field.field_id in taken]

    def identities(self, spec_id: int) -> set[int]:
        """The ids of the columns whose value a file of a spec has in the metadata."""
        return set(self._identities[spec_id])

    def always_keys(self, spec_ids: Iterable[int]) -> list[NestedField]:
        """The columns whose value every file of some specs has in the metadata."""
        taken = [self.identities(spec_id) for spec_id in set(spec_ids)]
        return [field for field in self.keys if all(field.field_id in ids for ids in taken)]

    def constants(self, spec_id: int, partition: Record) -> tuple[str | None, ...]:
        """The texts of a file's values of `keys`; None for a null, and for a column that its spec does not have."""
        places = self._identities[spec_id]
        return tuple(
            text_of(field, partition[places[field.field_id]]) if field.field_id in places else None
            for field in self.keys
        )

    @cached_property
    def _ids_by_name(self) -> dict[str, int | None]:
        mapping = self.metadata.name_mapping()
        return {name: field.field_id for field in mapping or [] for name in field.names}

    def sources(self, columns: pa.Schema) -> dict[int, pa.Field]:
        """A Parquet file's columns by field id: its own ids, or those of the table's name mapping if it has none."""
        own = {int(column.metadata[FIELD_ID]): column for column in columns if FIELD_ID in (column.metadata or {})}
        mapped = ((self._ids_by_name.get(column.name), column) for column in columns)
        return own or {field_id: column for field_id, column in mapped if field_id is not None}


def text_of(field: NestedField, value: Any) -> str | None:
    return None if value is None else IdentityTransform().to_human_string(field.field_type, value)


def snapshot_of(
    metadata: TableMetadata, name: str, version: exp.Version | None, connection: duckdb.DuckDBPyConnection
) -> Snapshot | None:
    """The snapshot that FOR TIMESTAMP AS OF or FOR VERSION AS OF names, or the current one. Raises BadData."""
    if version is None:
        return metadata.current_snapshot()
    kind, value = evaluated(version.expression, connection)
    if version.name == "TIMESTAMP":
        return snapshot_at(metadata, name, kind, value)
    if kind == "VARCHAR":
        if value not in metadata.refs:
            raise BadData("INVALID_ARGUMENTS", f"Cannot find snapshot with reference name: {value}")
        return metadata.snapshot_by_id(metadata.refs[value].snapshot_id)
    if kind not in ("BIGINT", "INTEGER"):
        raise BadData("NOT_SUPPORTED", f"Unsupported type for table version: {kind.lower()}")
    if (found := metadata.snapshot_by_id(value)) is None:
        raise BadData("INVALID_ARGUMENTS", f"Iceberg snapshot ID does not exists: {value}")
    return found


def evaluated(expression: exp.Expression, connection: duckdb.DuckDBPyConnection) -> tuple[str, Any]:
    """DuckDB's type of a constant, and its value; of a time the milliseconds since 1970, in UTC unless it says so."""
    sql = re.sub(r" ([+-]\d\d:\d\d')", r"\1", expression.sql(dialect=DuckDB))  # Trino's space before an offset
    kind = str(connection.execute(f"SELECT typeof({sql})").fetchall()[0][0])
    value = f"epoch_ms(CAST({sql} AS TIMESTAMPTZ))" if kind.startswith(TEMPORAL) else sql
    found = connection.execute(f"SELECT {value}").fetchall()[0][0]
    if found is None:
        raise BadData("INVALID_ARGUMENTS", "Pointer value cannot be NULL")
    return kind, found


def snapshot_at(metadata: TableMetadata, name: str, kind: str, milliseconds: Any) -> Snapshot | None:
    if not kind.startswith(TEMPORAL):
        raise BadData("NOT_SUPPORTED", f"Unsupported type for temporal table version: {kind.lower()}")
    if milliseconds >= time.time() * 1000:
        raise BadData("INVALID_ARGUMENTS", f"Pointer value '{moment(milliseconds)}' is not in the past")
    past = [entry for entry in metadata.snapshot_log if entry.timestamp_ms <= milliseconds]
    if not past:
        raise BadData("INVALID_ARGUMENTS", f"No version history table {name} at or before {moment(milliseconds)}")
    return metadata.snapshot_by_id(max(past, key=lambda entry: entry.timestamp_ms).snapshot_id)


def moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
