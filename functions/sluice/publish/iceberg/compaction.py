"""Compaction of an Iceberg table: the many small files of a partition that rests become few, in the order of sources.

It changes no row, so it asks no ledger. A commit that was prepared before it is refused by the catalog, and finds the
rows of its sources by the indexes of the new files.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import groupby

from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform

from sluice.publish.iceberg.catalog import load
from sluice.publish.iceberg.commit import replace_files
from sluice.publish.iceberg.data_files import sources_of
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.iceberg.shared_files import Part, is_shared, new_paths, parts_of, shared_file
from sluice.publish.iceberg.table import retry
from sluice.publish.lake import Catalog, Lake, Written

CLOSED_AFTER = timedelta(days=1)
"""For so long no commit has added a file to a partition that is compacted: its corrections mostly came before."""
SMALL_BYTES = 128 << 20
"""A smaller file is compacted, with others of its partition."""
LARGE_BYTES = 256 << 20
"""Of so much together one file is made: a correction writes it again, in seconds, on the disk of a function."""
FEWEST_FILES = 5
"""A partition with fewer small files stays as it is."""


@dataclass(frozen=True)
class Column:
    """A column that data files hold. names: what it is or was called in files; type: Iceberg's, as text."""

    name: str
    names: tuple[str, ...]
    type: str


@dataclass(frozen=True)
class Segment:
    """Rows of an object, from one on, of one source and those after it."""

    key: str
    start: int
    rows: int
    source: str


Merge = Callable[[Lake, Sequence[Segment], Sequence[Column], str], Written | None]
"""Writes the rows of segments, in their order, to a key: lake, segments, columns, key."""


@dataclass(frozen=True)
class Batch:
    """Files of one partition that become one."""

    files: tuple[DataFile, ...]
    bytes: int


@dataclass(frozen=True)
class Compaction:
    """What is to be done, or was done, with a partition. partition: its folder; bytes_after: None in a plan; outcome:
    planned, compacted, or overtaken by another commit.
    """

    partition: str
    files: int
    files_after: int
    bytes: int
    bytes_after: int | None
    rows: int
    outcome: str

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def compact(
    lake: Lake,
    catalog: Catalog,
    dataset: str,
    merge: Merge | None,
    *,
    now: float,
    partition: str | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Compaction]:
    """Compact the closed partitions of a table one by one, and yield what was done with each.

    merge: None for a plan. now: seconds since 1970. partition: only this folder, such as `month=2025-03`.
    may_go_on: asked before each file that is written; what is written is committed first. Whatever ends it between two
    steps, no row is lost: what was written without a commit is removed by maintenance.
    Raises RowsLost, before the commit, unless each source has as many rows as before; CommitConflict.
    """
    try:
        table = load(catalog, dataset, S3FileIO(lake.s3))
    except NoSuchTableError:
        return
    prefix = f"{table.location()}/"
    for folder, batches in _plan(table, now):
        if partition not in (None, folder.removeprefix(prefix)):
            continue
        planned = _compaction(folder.removeprefix(prefix), batches, "planned")
        if merge is None:
            yield planned
            continue
        ready: list[tuple[Batch, DataFile]] = []
        for batch, path in zip(batches, new_paths(folder), strict=False):
            if not may_go_on():
                break
            ready.append((batch, _merged(lake, table, batch, path, merge)))
        if ready:
            outcome = "compacted" if _commit(lake, catalog, dataset, ready) else "overtaken"
            yield _compaction(planned.partition, [batch for batch, _ in ready], outcome, [file for _, file in ready])
        if len(ready) < len(batches):
            return


def columns_of(table: Table) -> list[Column]:
    """Return the columns that files of the table hold now: partition columns are not in them."""
    mapping = table.name_mapping()
    names = {each.field_id: each.names for each in mapping.root} if mapping else {}
    not_in_files = {field.source_id for field in table.spec().fields if isinstance(field.transform, IdentityTransform)}
    return [
        Column(field.name, tuple(names.get(field.field_id, [field.name])), str(field.field_type))
        for field in table.schema().fields
        if field.field_id not in not_in_files
    ]


def _plan(table: Table, now: float) -> Iterator[tuple[str, list[Batch]]]:
    """Yield the folder of each partition to be compacted with its batches, most files first."""
    added = {each.snapshot_id: each.timestamp_ms for each in table.snapshots()}
    youngest = (now - CLOSED_AFTER.total_seconds()) * 1000
    files: dict[str, list[DataFile]] = defaultdict(list)
    open_ = set()
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(table.io) if snapshot else []:
        # Files of a former partitioning have other folders, and their values are not those of the current one.
        if manifest.partition_spec_id != table.spec().spec_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            folder = entry.data_file.file_path.rpartition("/")[0]
            # A snapshot that has expired is older than any.
            if added.get(entry.snapshot_id or 0, 0) > youngest:
                open_.add(folder)
            elif entry.data_file.file_size_in_bytes < SMALL_BYTES:
                files[folder].append(entry.data_file)
    for folder in sorted(files.keys() - open_, key=lambda each: (-len(files[each]), each)):
        if len(files[folder]) >= FEWEST_FILES:
            yield folder, _batches(table, files[folder])


def _batches(table: Table, files: list[DataFile]) -> list[Batch]:
    """Return files, in the order of their sources, in batches of about the same size."""
    files = sorted(files, key=lambda file: (*sources_of(table, file), file.file_path))
    total = sum(file.file_size_in_bytes for file in files)
    number = -(-total // LARGE_BYTES)
    batches: list[Batch] = []
    before = 0
    some: list[DataFile] = []
    for file in files:
        some.append(file)
        before += file.file_size_in_bytes
        if before >= total * (len(batches) + 1) / number:
            batches.append(Batch(tuple(some), sum(each.file_size_in_bytes for each in some)))
            some = []
    return batches


def _merged(lake: Lake, table: Table, batch: Batch, path: str, merge: Merge) -> DataFile:
    start = len(f"s3://{lake.bucket}/")
    parts: list[Part] = []
    segments = []
    for file in batch.files:
        key = file.file_path[start:]
        some: Sequence[Part] = [Part(key.rpartition("/")[2], sources_of(table, file)[0], file.record_count)]
        if is_shared(file):
            some = parts_of(table, file)
        parts += some
        row = 0
        for source, of_source in groupby(some, key=lambda part: part.source):
            rows = sum(part.rows for part in of_source)
            segments.append(Segment(key, row, rows, source))
            row += rows
    segments.sort(key=lambda each: (each.source, each.key))
    written = merge(lake, segments, columns_of(table), path[start:])
    return shared_file(table, batch.files[0], path, parts, written or Written(0, {}, ("", "")))


def _commit(lake: Lake, catalog: Catalog, dataset: str, ready: list[tuple[Batch, DataFile]]) -> bool:
    """Swap the files, unless one of them is no longer current: then the other commit stands, and nothing changes."""
    files = S3FileIO(lake.s3)
    replaced = {file.file_path: file for batch, _ in ready for file in batch.files}

    def attempt(number: int) -> bool:
        table = load(catalog, dataset, files)
        snapshot = table.current_snapshot()
        current = {
            entry.data_file.file_path: entry.data_file
            for manifest in (snapshot.manifests(table.io) if snapshot else [])
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
            if entry.data_file.file_path in replaced
        }
        if len(current) < len(replaced):
            return False
        summary = {"sluice.compacted-files": str(len(replaced))}
        replace_files(table, list(current.values()), [file for _, file in ready], summary)
        return True

    return retry(dataset, attempt)


def _compaction(
    partition: str, batches: Sequence[Batch], outcome: str, after: Sequence[DataFile] | None = None
) -> Compaction:
    files = [file for batch in batches for file in batch.files]
    return Compaction(
        partition=partition,
        files=len(files),
        files_after=len(batches),
        bytes=sum(file.file_size_in_bytes for file in files),
        bytes_after=None if after is None else sum(file.file_size_in_bytes for file in after),
        rows=sum(file.record_count for file in files),
        outcome=outcome,
    )
