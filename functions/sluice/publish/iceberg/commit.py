"""Commits to an Iceberg table: the files of some sources are swapped for others, in one snapshot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.table.update.snapshot import _MergeAppendFiles, _OverwriteFiles

from sluice.errors import RowsLost
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.changes import Rewriter, changes
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.iceberg.table import retry
from sluice.publish.lake import Catalog, Lake, LakeManifest

_CHANGED_BY = "sluice.changed-by"


@dataclass(frozen=True)
class Commit:
    """What a commit did. added, removed: data files; attempts: how often it was tried; objects of metadata read and
    written, in all attempts.
    """

    added: int
    removed: int
    attempts: int = 1
    objects_read: int = 0
    objects_written: int = 0


def swap(
    lake: Lake,
    catalog: Catalog,
    dataset: str,
    wanted: Mapping[str, LakeManifest | None],
    *,
    run_id: str,
    allowed: Callable[[], object],
    always: bool = False,
) -> Commit:
    """Make the table have, of each source, the files of its wanted manifest and no others; None: no files.

    wanted: by the sources' addresses. Repeating it is harmless: without a file to add or remove, no snapshot is made.
    allowed: asks the ledger, and raises when the run may not change the table. It is asked in each attempt after the
    table's version was read, and Glue refuses a commit to any later version.
    always: change the table's version in any case, so that a commit is refused which a run has prepared for the version
    before, while the ledger still allowed it.

    Raises what allowed raises; CommitConflict; RowsLost when the snapshot's counts are not what was asked;
    TableDisagrees when rows of an earlier run are gone; pyiceberg's NoSuchTableError, unless always.
    """
    files = S3FileIO(lake.s3)
    rewriter = Rewriter(lake)

    def attempt(number: int) -> Commit:
        try:
            table = load(catalog, dataset, files)
        except NoSuchTableError:
            if always:
                return Commit(0, 0, number)
            raise
        allowed()
        commit = _swap(table, rewriter, lake.bucket, wanted, run_id)
        if always and not commit.added + commit.removed:
            with table.transaction() as transaction:
                transaction.set_properties({_CHANGED_BY: run_id})
        return replace(commit, attempts=number, objects_read=files.reads, objects_written=files.writes)

    return retry(dataset, attempt)


def _swap(
    table: Table, rewriter: Rewriter, bucket: str, wanted: Mapping[str, LakeManifest | None], run_id: str
) -> Commit:
    done = changes(table, rewriter, bucket, wanted, run_id)
    summary = {"sluice.run-id": run_id, "sluice.sources": str(len(wanted)), **_contract_version(wanted)}
    return replace_files(table, done.removed, done.added, summary)


def replace_files(table: Table, removed: list[DataFile], added: list[DataFile], summary: dict[str, str]) -> Commit:
    """Commit one snapshot without and with some files, or nothing for none.

    Raises pyiceberg's CommitFailedException when the table has changed since it was loaded, and RowsLost when the
    snapshot would have other files or rows.
    """
    if not removed and not added:
        return Commit(0, 0)
    producer = _Swap if removed else _MergeAppendFiles
    before = table.current_snapshot()
    transaction = table.transaction()
    snapshot = producer(
        operation=Operation.OVERWRITE if removed else Operation.APPEND,
        transaction=transaction,
        io=table.io,
        snapshot_properties=summary,
    )
    for file in removed:
        snapshot.delete_data_file(file)
    for file in added:
        snapshot.append_data_file(file)
    snapshot.commit()
    _check(table.io, before, transaction.table_metadata.current_snapshot(), added, removed)
    transaction.commit_transaction()
    return Commit(len(added), len(removed))


def _contract_version(wanted: Mapping[str, LakeManifest | None]) -> dict[str, str]:
    """The latest version of the contract by which the sources were cleaned; none when all are taken out."""
    versions = [manifest.account.contract_version for manifest in wanted.values() if manifest is not None]
    return {"sluice.contract-version": str(max(versions))} if versions else {}


class _Swap(_OverwriteFiles, _MergeAppendFiles):  # type: ignore[misc]
    """pyiceberg's overwrite, with the merging of manifests that only its append has."""


def _check(
    io: FileIO, before: Snapshot | None, after: Snapshot | None, added: list[DataFile], removed: list[DataFile]
) -> None:
    """Raise RowsLost unless a snapshot's manifests have the files and rows of the one before, and of what changed."""
    files, rows = _counts(io, before)
    wanted = (
        files + len(added) - len(removed),
        rows + sum(file.record_count for file in added) - sum(file.record_count for file in removed),
    )
    have = _counts(io, after)
    if have != wanted:
        raise RowsLost(f"the snapshot would have {have} files and rows, and not {wanted}: nothing is committed")


def _counts(io: FileIO, snapshot: Snapshot | None) -> tuple[int, int]:
    manifests = snapshot.manifests(io) if snapshot else []
    return (
        sum((each.added_files_count or 0) + (each.existing_files_count or 0) for each in manifests),
        sum((each.added_rows_count or 0) + (each.existing_rows_count or 0) for each in manifests),
    )
