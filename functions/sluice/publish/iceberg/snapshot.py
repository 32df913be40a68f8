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
    """path: s3://… of a data file. first, last: the sources, by their addresses, between which its rows are.

    part: whether its rows are in a compacted file now; then there need not be such an object any more.
    """

    path: str
    first: str
    last: str
    part: bool = False


def open_table(s3: Any, catalog: Catalog, dataset: str) -> Table:
    """Return a table to read. Raises TableDisagrees and pyiceberg's NoSuchTableError."""
    return load(catalog, dataset, S3FileIO(s3))


def files_of(s3: Any, table: Table) -> Iterator[SnapshotFile]:
    """Yield the data files of the current snapshot, and those that went into compacted ones. Memory is bounded by one
    manifest. Raises TableDisagrees when the index of a compacted file is gone.
    """
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(S3FileIO(s3)) if snapshot else ():
        for entry in manifest.fetch_manifest_entry(S3FileIO(s3), discard_deleted=True):
            yield SnapshotFile(entry.data_file.file_path, *sources_of(table, entry.data_file))
            if is_shared(entry.data_file):
                for part in parts_of(table, entry.data_file):
                    yield SnapshotFile(path_of(entry.data_file, part), part.source, part.source, part=True)


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
