"""The metadata tables of an Iceberg table that Athena has: "name$files" and five more, in Trino's columns.

https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-table-metadata.html lists them;
https://trino.io/docs/current/connector/iceberg.html#metadata-tables has their columns and types.
No patch of its own: `tables` uses it.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan
from pyiceberg.table.snapshots import ancestors_of
from pyiceberg.types import NestedField, PrimitiveType, StructType

from local.emulator.athena.iceberg.table import IcebergTable
from local.emulator.athena.iceberg.version import Version, text_of

MOMENT = pa.timestamp("ms", tz="UTC")
COUNTS = pa.map_(pa.int32(), pa.int64())
BOUNDS = pa.map_(pa.int32(), pa.string())
FIELD_SUMMARY = {
    "contains_null": pa.bool_(),
    "contains_nan": pa.bool_(),
    "lower_bound": pa.string(),
    "upper_bound": pa.string(),
}
SNAPSHOTS = {
    "committed_at": MOMENT,
    "snapshot_id": pa.int64(),
    "parent_id": pa.int64(),
    "operation": pa.string(),
    "manifest_list": pa.string(),
    "summary": pa.map_(pa.string(), pa.string()),
}
HISTORY = {
    "made_current_at": MOMENT,
    "snapshot_id": pa.int64(),
    "parent_id": pa.int64(),
    "is_current_ancestor": pa.bool_(),
}
REFS = {
    "name": pa.string(),
    "type": pa.string(),
    "snapshot_id": pa.int64(),
    "max_reference_age_in_ms": pa.int64(),
    "min_snapshots_to_keep": pa.int32(),
    "max_snapshot_age_in_ms": pa.int64(),
}
MANIFESTS = {
    "path": pa.string(),
    "length": pa.int64(),
    "partition_spec_id": pa.int32(),
    "added_snapshot_id": pa.int64(),
    "added_data_files_count": pa.int32(),
    "added_rows_count": pa.int64(),
    "existing_data_files_count": pa.int32(),
    "existing_rows_count": pa.int64(),
    "deleted_data_files_count": pa.int32(),
    "deleted_rows_count": pa.int64(),
    "partitions": pa.list_(pa.struct(FIELD_SUMMARY)),
}
FILES = {
    "content": pa.int32(),
    "file_path": pa.string(),
    "file_format": pa.string(),
    "record_count": pa.int64(),
    "file_size_in_bytes": pa.int64(),
    "column_sizes": COUNTS,
    "value_counts": COUNTS,
    "null_value_counts": COUNTS,
    "nan_value_counts": COUNTS,
    "lower_bounds": BOUNDS,
    "upper_bounds": BOUNDS,
    "key_metadata": pa.binary(),
    "split_offsets": pa.list_(pa.int64()),
    "equality_ids": pa.list_(pa.int32()),
}


def snapshots(table: IcebergTable) -> pa.Table:
    rows = [
        {
            "committed_at": each.timestamp_ms,
            "snapshot_id": each.snapshot_id,
            "parent_id": each.parent_snapshot_id,
            "operation": each.summary.operation.value if each.summary else None,
            "manifest_list": each.manifest_list,
            "summary": each.summary.additional_properties if each.summary else {},
        }
        for each in table.metadata.snapshots
    ]
    return pa.Table.from_pylist(rows, pa.schema(SNAPSHOTS))


def history(table: IcebergTable) -> pa.Table:
    current = table.metadata.current_snapshot()
    ancestors = {each.snapshot_id for each in ancestors_of(current, table.metadata)}
    parents = {each.snapshot_id: each.parent_snapshot_id for each in table.metadata.snapshots}
    rows = [
        {
            "made_current_at": entry.timestamp_ms,
            "snapshot_id": entry.snapshot_id,
            "parent_id": parents.get(entry.snapshot_id),
            "is_current_ancestor": entry.snapshot_id in ancestors,
        }
        for entry in table.metadata.snapshot_log
    ]
    return pa.Table.from_pylist(rows, pa.schema(HISTORY))


def refs(table: IcebergTable) -> pa.Table:
    rows = [
        {
            "name": name,
            "type": str(ref.snapshot_ref_type).upper(),
            "snapshot_id": ref.snapshot_id,
            "max_reference_age_in_ms": ref.max_ref_age_ms,
            "min_snapshots_to_keep": ref.min_snapshots_to_keep,
            "max_snapshot_age_in_ms": ref.max_snapshot_age_ms,
        }
        for name, ref in table.metadata.refs.items()
    ]
    return pa.Table.from_pylist(rows, pa.schema(REFS))


def manifests(table: IcebergTable) -> pa.Table:
    current = table.metadata.current_snapshot()
    rows = [
        {
            "path": each.manifest_path,
            "length": each.manifest_length,
            "partition_spec_id": each.partition_spec_id,
            "added_snapshot_id": each.added_snapshot_id,
            "added_data_files_count": each.added_files_count,
            "added_rows_count": each.added_rows_count,
            "existing_data_files_count": each.existing_files_count,
            "existing_rows_count": each.existing_rows_count,
            "deleted_data_files_count": each.deleted_files_count,
            "deleted_rows_count": each.deleted_rows_count,
            "partitions": field_summaries(table, each),
        }
        for each in (current.manifests(table.io) if current else [])
    ]
    return pa.Table.from_pylist(rows, pa.schema(MANIFESTS))


def field_summaries(table: IcebergTable, manifest: ManifestFile) -> list[dict[str, Any]]:
    spec = table.metadata.specs()[manifest.partition_spec_id]
    fields = spec.partition_type(table.metadata.schema()).fields
    return [
        {
            "contains_null": summary.contains_null,
            "contains_nan": summary.contains_nan,
            "lower_bound": bound_text(field, summary.lower_bound),
            "upper_bound": bound_text(field, summary.upper_bound),
        }
        for field, summary in zip(fields, manifest.partitions or [], strict=True)
    ]


def bound_text(field: NestedField, bound: bytes | None) -> str | None:
    if bound is None or not isinstance(field.field_type, PrimitiveType):
        return None
    return text_of(field, from_bytes(field.field_type, bound))


def current_files(table: IcebergTable) -> list[DataFile]:
    return [task.file for task in DataScan(table_metadata=table.metadata, io=table.io).plan_files()]


def files(table: IcebergTable) -> pa.Table:
    schema = table.metadata.schema()
    fields = {field.field_id: field for field in schema.fields}

    def bounds(found: dict[int, bytes] | None) -> dict[int, str | None] | None:
        texts = {key: bound_text(fields[key], bound) for key, bound in (found or {}).items() if key in fields}
        return None if found is None else texts

    rows = [
        {name: getattr(each, name) for name in FILES}
        | {
            "content": each.content.value,
            "file_format": each.file_format.value,
            "lower_bounds": bounds(each.lower_bounds),
            "upper_bounds": bounds(each.upper_bounds),
        }
        for each in current_files(table)
    ]
    return pa.Table.from_pylist(rows, pa.schema(FILES))


def partitions(table: IcebergTable) -> pa.Table:
    """A row a partition: its values, counts, and the bounds of the columns by which nothing is partitioned."""
    metadata = table.metadata
    schema, keys = metadata.schema(), {field.field_id for field in Version(metadata, None).keys}
    fields = {
        field.field_id: field for spec in metadata.partition_specs for field in spec.partition_type(schema).fields
    }
    others = [
        field for field in schema.fields if field.field_id not in keys and isinstance(field.field_type, PrimitiveType)
    ]
    places = {
        spec.spec_id: {field.field_id: place for place, field in enumerate(spec.fields)}
        for spec in metadata.partition_specs
    }
    groups: dict[tuple[Any, ...], list[DataFile]] = defaultdict(list)
    for each in current_files(table):
        place = places[each.spec_id]
        groups[tuple(each.partition[place[key]] if key in place else None for key in fields)].append(each)
    rows = [
        {
            "partition": dict(zip((field.name for field in fields.values()), values, strict=True)),
            "record_count": sum(each.record_count for each in found),
            "file_count": len(found),
            "total_size": sum(each.file_size_in_bytes for each in found),
            "data": {field.name: column_range(field, found) for field in others},
        }
        for values, found in groups.items()
    ]
    columns = {
        "partition": struct(list(fields.values())),
        "record_count": pa.int64(),
        "file_count": pa.int64(),
        "total_size": pa.int64(),
        "data": pa.struct([(field.name, range_type(field)) for field in others]),
    }
    if not fields:
        columns.pop("partition")
    return pa.Table.from_pylist(rows, pa.schema(columns))


def struct(fields: list[NestedField]) -> pa.DataType:
    return pa.struct(list(schema_to_pyarrow(Schema(*fields), include_field_ids=False)))


def range_type(field: NestedField) -> pa.DataType:
    kind = schema_to_pyarrow(StructType(field), include_field_ids=False).field(0).type
    return pa.struct({"min": kind, "max": kind, "null_count": pa.int64(), "nan_count": pa.int64()})


def column_range(field: NestedField, found: list[DataFile]) -> dict[str, Any]:
    """Bounds that all files have, and sums of counts that all files have."""

    def all_have(name: str, combine: Callable[[list[Any]], Any]) -> Any:
        given = [(getattr(each, name) or {}).get(field.field_id) for each in found]
        return None if None in given else combine(given)

    def bound(choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        return lambda given: choose([from_bytes(field.field_type, each) for each in given])  # type: ignore[arg-type]

    return {
        "min": all_have("lower_bounds", bound(min)),
        "max": all_have("upper_bounds", bound(max)),
        "null_count": all_have("null_value_counts", sum),
        "nan_count": all_have("nan_value_counts", sum),
    }


METADATA_TABLES: dict[str, Callable[[IcebergTable], pa.Table]] = {
    "files": files,
    "history": history,
    "manifests": manifests,
    "partitions": partitions,
    "refs": refs,
    "snapshots": snapshots,
}
