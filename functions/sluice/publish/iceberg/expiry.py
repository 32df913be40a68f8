"""Expires snapshots of an Iceberg table, and finds the objects that none of those that stay names."""

import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched, pairwise
from pathlib import Path

from pyiceberg.table import Table
from pyiceberg.table.update.snapshot import ExpireSnapshots

from sluice.aws.object_keys import metadata_prefix, table_prefix
from sluice.errors import RowsLost
from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.iceberg.shared_files import index_location, is_shared
from sluice.publish.iceberg.table import retry
from sluice.publish.lake import Catalog, Lake

GRACE = timedelta(days=1)
"""An object that is younger may be of a run, which ends within eight hours, or of a commit that goes on."""


def expire(lake: Lake, catalog: Catalog, dataset: str, *, days: int, runs: Collection[str], now: float) -> int:
    """Expire the snapshots that have not been current for so many days; return how many. now: seconds since 1970.

    So each moment of the last days can be read. Snapshots with a tag stay. runs: those that the ledger says are not
    done; from the snapshot before the first commit of one on all stay: its undo takes from there what was replaced.
    They are read before the table is: a run that began later commits to a snapshot that is current now.
    Raises CommitConflict and pyiceberg's NoSuchTableError.
    """
    files = S3FileIO(lake.s3)

    def attempt(number: int) -> int:
        table = load(catalog, dataset, files)
        expired = _expired(table, before=(now - timedelta(days=days).total_seconds()) * 1000, runs=runs)
        if expired:
            with table.transaction() as transaction:
                ExpireSnapshots(transaction).by_ids(expired).commit()
        return len(expired)

    return retry(dataset, attempt)


def orphans(
    lake: Lake, catalog: Catalog, dataset: str, *, pending: Collection[str], rows: int, now: float
) -> Iterator[str]:
    """Yield the keys of objects that no snapshot names, nor a run that goes on, and that are older than GRACE.

    pending: keys of the runs' objects. rows: that the ledger promises of sources of which no run goes on: a table with
    fewer rows is not the one that the ledger means, and RowsLost is raised before any key.
    Memory is bounded: what is named stands in a temporary file. Raises pyiceberg's NoSuchTableError.
    """
    table = load(catalog, dataset, S3FileIO(lake.s3, keep=False))
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(str(Path(folder) / "named"))
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE named (key PRIMARY KEY) WITHOUT ROWID")
        start = len(f"s3://{lake.bucket}/")
        database.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((path[start:],) for path in _named(table)))
        database.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((key,) for key in pending))
        have = _rows(table)
        if have < rows:
            raise RowsLost(
                f"{dataset} has {have:,} rows, and the ledger promises {rows:,}: nothing is deleted; "
                "sluice verify says which are missing"
            )
        for prefix in (table_prefix(dataset), metadata_prefix(dataset)):
            for some in batched(_older(lake, prefix, now), 500, strict=False):
                marks = ",".join("?" * len(some))
                found = database.execute(f"SELECT key FROM named WHERE key IN ({marks})", some)  # noqa: S608
                stay = {key for (key,) in found}
                yield from (key for key in some if key not in stay)
        database.close()


def _expired(table: Table, *, before: float, runs: Collection[str]) -> list[int]:
    snapshots = sorted(table.snapshots(), key=lambda each: each.sequence_number or 0)
    tagged = {ref.snapshot_id for ref in table.refs().values()}
    expired = []
    for snapshot, after in pairwise(snapshots):
        undone_to_here = after.summary is not None and after.summary.get("sluice.run-id") in runs
        if undone_to_here or after.timestamp_ms >= before:
            break
        if snapshot.snapshot_id not in tagged:
            expired.append(snapshot.snapshot_id)
    return expired


def _named(table: Table) -> Iterator[str]:
    """Yield the address of every object that the table's metadata name."""
    metadata = table.metadata
    yield table.metadata_location
    yield from (each.metadata_file for each in metadata.metadata_log)
    yield from (each.statistics_path for each in (*metadata.statistics, *metadata.partition_statistics))
    seen = set()
    for snapshot in table.snapshots():
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                yield entry.data_file.file_path
                if is_shared(entry.data_file):
                    yield index_location(table, entry.data_file.file_path)


def _rows(table: Table) -> int:
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    return sum((each.added_rows_count or 0) + (each.existing_rows_count or 0) for each in manifests)


def _older(lake: Lake, prefix: str, now: float) -> Iterator[str]:
    before = datetime.fromtimestamp(now, UTC) - GRACE
    for page in lake.s3.get_paginator("list_objects_v2").paginate(Bucket=lake.bucket, Prefix=prefix):
        yield from (each["Key"] for each in page.get("Contents", []) if each["LastModified"] < before)
