"""An Iceberg table of the Glue catalog as a view of DuckDB: the files that its metadata names, its columns, its types.

pyiceberg reads the metadata and plans; DuckDB reads exactly the planned files. The columns come from the metadata, not
from the catalog, as Athena takes them (https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html). The
metadata and the data are read with GetObject, and nothing is listed.
No patch of its own: `tables` uses it.
"""

# ruff: noqa: S608 (identifiers are quoted, values are bound, paths are our own)
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression
from pyiceberg.expressions.visitors import bind
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import DataScan
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)
from sqlglot import exp
from sqlglot.dialects import DuckDB

from local.emulator.athena.conditions import chosen_paths, conditions_on, key_conditions
from local.emulator.athena.files import PATH, BadData, DataFile, chunk_bytes, create_files_table, download, quoted
from local.emulator.athena.iceberg.filters import is_constant, scan_filter
from local.emulator.athena.iceberg.objects import ObjectIO, bucket_and_key, etag_of
from local.emulator.athena.iceberg.types import duckdb_type, readable
from local.emulator.athena.iceberg.version import Version, snapshot_of

LOST = "ICEBERG_CANNOT_OPEN_SPLIT"
EXACT: dict[type, tuple[type, ...]] = {
    BooleanType: (bool,),
    IntegerType: (int,),
    LongType: (int,),
    DecimalType: (int, Decimal),
    StringType: (str,),
    DateType: (date,),
    TimestampType: (datetime,),
}
"""The values that pyiceberg compares with a column without rounding them."""


@dataclass(frozen=True)
class IcebergFile(DataFile):
    """A planned data file; `spec_id` names its partition spec, `size` is its length in the metadata (bytes)."""

    spec_id: int
    size: int

    @property
    def opening(self) -> str:
        """How Trino begins a complaint about the file."""
        return f"Error opening Iceberg split {self.uri} (offset=0, length={self.size})"


class IcebergTable:
    """A table as it is when the query starts."""

    def __init__(self, table: dict[str, Any], s3: Any, connection: duckdb.DuckDBPyConnection) -> None:
        """Load the metadata. Raises BadData, ClientError."""
        self.name = f"{table['DatabaseName']}.{table['Name']}"
        self.io = ObjectIO(s3)
        self._s3, self._connection = s3, connection
        location = table["Parameters"].get("metadata_location")
        if location is None:
            raise BadData("ICEBERG_INVALID_METADATA", f"Table is missing [metadata_location] property: {self.name}")
        try:
            self.metadata: TableMetadata = FromInputFile.table_metadata(self.io.new_input(location))
        except BadData as error:
            message = f"Metadata not found in metadata location for table {self.name}"
            raise BadData("ICEBERG_MISSING_METADATA", message) from error

    def create_view(self, view: str, node: exp.Table, reads: Callable[[str], bool]) -> int:
        """Make `view` the rows that a statement reads of this table at `node`; returns the bytes scanned.

        `reads` says whether the statement reads a column. Raises BadData, ClientError.
        """
        wanted, conditions = node.args.get("version"), conditions_on(node)
        snapshot = snapshot_of(self.metadata, self.name, wanted, self._connection)
        version = Version(self.metadata, snapshot, travels=wanted is not None)
        files = self._plan(version, conditions)
        keys = [(named(field), duckdb_type(field.field_type)) for field in version.keys]
        create_files_table(self._connection, view, keys, files)
        files = self._chosen(view, version, files, conditions)
        for file in files:
            if not file.etag:
                raise BadData(LOST, f"{file.opening}: File {file.uri} not found")
        download(self._s3, files, lost=LOST)
        return self._select(view, version, files, reads)

    def _plan(self, version: Version, conditions: list[exp.Expression]) -> list[IcebergFile]:
        """The files that partitions, the bounds of columns and conditions on "$path" leave."""
        row_filter: BooleanExpression = AlwaysTrue()
        for condition in conditions:
            part = scan_filter(condition, lambda column, value: self._constant(version.schema, column, value))
            if part is not None and bindable(version.schema, part):
                row_filter = And(row_filter, part)
        scan = DataScan(
            table_metadata=version.metadata,
            io=self.io,
            row_filter=row_filter,
            case_sensitive=False,
            snapshot_id=version.snapshot.snapshot_id if version.snapshot else None,
        )
        paths, planned = chosen_paths(conditions), []
        for task in scan.plan_files():
            if task.delete_files:
                raise BadData("NOT_SUPPORTED", f"{self.name}: the local Athena reads no row-level deletes")
            if paths is None or task.file.file_path in paths:
                bucket, key = bucket_and_key(task.file.file_path)
                values = version.constants(task.file.spec_id, task.file.partition)
                size, etag = task.file.file_size_in_bytes, etag_of(bucket, key)
                planned.append(IcebergFile(bucket, key, etag or "", values, task.file.spec_id, size))
        return planned

    def _constant(self, schema: Schema, column: exp.Column, expression: Any) -> Any:
        """The value of a constant expression if it is of the column's type, else None."""
        field = next((each for each in schema.fields if named(each) == column.name.lower()), None)
        if field is None or not is_constant(expression):
            return None
        try:
            found = self._connection.execute(f"SELECT {expression.sql(dialect=DuckDB)}").fetchall()[0][0]
        except duckdb.Error:  # such as a time with a zone, which Python's DuckDB cannot return
            return None
        return found if type(found) in EXACT.get(type(field.field_type), ()) else None

    def _chosen(
        self, view: str, version: Version, files: list[IcebergFile], conditions: list[exp.Expression]
    ) -> list[IcebergFile]:
        """The files that any condition leaves that is on nothing but columns by which all files are partitioned."""
        names = {named(field) for field in version.always_keys(file.spec_id for file in files)}
        usable = key_conditions(conditions, names)
        if not usable:
            return files
        left = self._connection.execute(f'SELECT "{PATH}" FROM {view}_files WHERE {" AND ".join(usable)}').fetchall()
        chosen = {uri for (uri,) in left}
        return [file for file in files if file.uri in chosen]

    def _select(self, view: str, version: Version, files: list[IcebergFile], reads: Callable[[str], bool]) -> int:
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        scanned = 0
        for file in files:
            footer = pq.read_metadata(checked(file))
            sources = version.sources(footer.schema.to_arrow_schema())
            groups[selected(version, file, sources)].append(f"'{file.path}'")
            read = {field.field_id for field in version.columns if reads(named(field))}
            scanned += chunk_bytes(footer, {source.name for field_id, source in sources.items() if field_id in read})
        path = f", _values.{quoted(PATH)}" if reads(PATH) else ""
        selects = [
            f"SELECT {', '.join(chosen)}{path} FROM read_parquet([{', '.join(paths)}], filename = '_path', "
            f"union_by_name = true, hive_partitioning = false) AS _data JOIN {view}_files AS _values USING (_path)"
            for chosen, paths in groups.items()
        ]
        nothing = [cast("NULL", field) for field in version.columns]
        nothing += [f"CAST(NULL AS VARCHAR) AS {quoted(PATH)}"] if reads(PATH) else []
        empty = f"SELECT {', '.join(nothing)} WHERE false"
        self._connection.execute(f"CREATE VIEW {view} AS {' UNION ALL '.join(selects or [empty])}")
        return scanned


def named(field: NestedField) -> str:
    """A column's name as Trino shows it."""
    return field.name.lower()


def cast(text: str, field: NestedField) -> str:
    return f"CAST({text} AS {duckdb_type(field.field_type)}) AS {quoted(named(field))}"


def bindable(schema: Schema, part: BooleanExpression) -> bool:
    """Whether a filter's columns are the schema's, and its values those of their types."""
    try:
        bind(schema, part, case_sensitive=False)
    except (TypeError, ValueError):
        return False
    return True


def checked(file: IcebergFile) -> Any:
    """The path of a file's content. Raises BadData unless it is as long as the metadata says (apache/iceberg #8427)."""
    if file.path.stat().st_size != file.size:
        raise BadData(LOST, f"{file.opening}: Incorrect file size ({file.size}) for file: {file.uri}")
    return file.path


def selected(version: Version, file: IcebergFile, sources: dict[int, pa.Field]) -> tuple[str, ...]:
    """What each column is in a file: the constant of its partition, a column of the file, or NULL. Raises BadData."""
    constant, chosen = version.identities(file.spec_id), []
    for field in version.columns:
        source = sources.get(field.field_id)
        if field.field_id in constant:
            chosen.append(cast(f"_values.{quoted(named(field))}", field))
        elif source is None:
            chosen.append(cast("NULL", field))
        elif readable(source.type, field.field_type):
            chosen.append(cast(f"_data.{quoted(source.name)}", field))
        else:
            message = f"Unsupported Trino column type ({field.field_type}) for Parquet column ({source}) of {file.uri}"
            raise BadData("NOT_SUPPORTED", message)
    return tuple(chosen)
