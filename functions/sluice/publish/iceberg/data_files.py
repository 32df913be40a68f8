"""Iceberg's data files of a source, from its account alone: no Parquet file is read."""

from datetime import date
from decimal import Decimal
from typing import Any

from pyiceberg.conversions import from_bytes, to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record
from pyiceberg.types import BooleanType, DateType, DecimalType, IcebergType, StringType

from sluice.aws.object_keys import table_prefix
from sluice.publish.lake import LakeManifest

SOURCE = "_source_key"
RUN = "_run_id"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_EPOCH = date(1970, 1, 1).toordinal()


def data_files(table: Table, bucket: str, manifest: LakeManifest) -> dict[str, DataFile]:
    """Return the source's files in the table by their address.

    Each has as bounds its source and its run, which are the same in all rows: readers skip the files of others.
    """
    account = manifest.account
    schema, spec = table.schema(), table.spec()
    prefix = table_prefix(account.dataset)
    values = {partition.path: partition.values for partition in account.partitions}
    texts = {SOURCE: account.source_key, RUN: account.run_id}
    bounds = {schema.find_field(name).field_id: to_bytes(StringType(), text) for name, text in texts.items()}
    files = {}
    for each in manifest.objects:
        if not each.key.startswith(prefix):
            continue
        folder = each.key.removeprefix(prefix).rpartition("/")[0]
        path = f"s3://{bucket}/{each.key}"
        record = [_value(schema.find_type(field.name), values[folder][field.name]) for field in spec.fields]
        files[path] = DataFile.from_args(
            _table_format_version=2,
            content=DataFileContent.DATA,
            file_path=path,
            file_format=FileFormat.PARQUET,
            partition=Record(*record),
            record_count=each.rows,
            file_size_in_bytes=each.bytes,
            lower_bounds=bounds,
            upper_bounds=bounds,
            spec_id=spec.spec_id,
        )
    return files


def sources_of(table: Table, file: DataFile) -> tuple[str, str]:
    """Return the first and the last source, by their addresses, of which a file may have rows."""
    field = table.schema().find_field(SOURCE).field_id
    first, last = (from_bytes(StringType(), bounds[field]) for bounds in (file.lower_bounds, file.upper_bounds))
    return str(first), str(last)


def _value(type_: IcebergType, text: str) -> Any:
    """Return a partition value as manifests hold it; text: as partition_value gives it."""
    if text == _NO_VALUE:
        return None
    if isinstance(type_, StringType):
        return text
    if isinstance(type_, BooleanType):
        return text == "true"
    if isinstance(type_, DecimalType):
        return Decimal(text)
    if isinstance(type_, DateType):
        return date.fromisoformat(text).toordinal() - _EPOCH
    return int(text)
