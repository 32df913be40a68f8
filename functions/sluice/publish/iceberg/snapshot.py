"""What the current snapshot of an Iceberg table has, and what the table's columns are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyiceberg.table import Table

from sluice.manifest import TableDeclaration
from sluice.publish.iceberg import schema
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.data_files import sources_of
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.iceberg.shared_files import is_shared, parts_of, path_of
from sluice.publish.iceberg.table import version_of
from sluice.publish.lake import Catalog


@dataclass(frozen=True)
class SnapshotFile:
    """path: s3://… of a data file with the rows of one source. compacted: that it had, before they were compacted."""

    path: str
    source: str
    compacted: bool


def open_table(s3: Any, catalog: Catalog, dataset: str) -> Table:
    """Return a table to read. Raises TableDisagrees and pyiceberg's NoSuchTableError."""
    return load(catalog, dataset, S3FileIO(s3))


def files_of(s3: Any, table: Table) -> Iterator[SnapshotFile]:
    """Yield the data files of the current snapshot. Memory is bounded by one manifest and one index.

    Raises TableDisagrees when the index of a compacted file is gone.
    """
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(S3FileIO(s3)) if snapshot else ():
        for entry in manifest.fetch_manifest_entry(S3FileIO(s3), discard_deleted=True):
            file = entry.data_file
            if is_shared(file):
                yield from (SnapshotFile(path_of(file, part), part.source, True) for part in parts_of(table, file))
            else:
                yield SnapshotFile(file.file_path, sources_of(table, file)[0], False)


def differing_columns(table: Table, declaration: TableDeclaration) -> list[str]:
    """Return "name type" of each column that only the table or only the declaration has; of a table that a later
    version of the contract declares none.
    """
    if version_of(table) > declaration.contract_version:
        return []
    have, want = (
        [f"{field.name} {field.field_type}" for field in each.fields]
        for each in (table.schema(), schema.schema_of(declaration))
    )
    return sorted({*have} ^ {*want}) or ([] if have == want else ["in another order"])
