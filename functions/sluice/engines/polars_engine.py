"""The Polars engine: one process cleans one file in two passes, in memory bounded by the batch.

First pass: read, clean and check batch by batch; good rows are held or spilled. Between: duplicates and statistics.
Second pass: stream the good rows, impute, flag and write partitioned Parquet.
"""

import resource
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from sluice.clean.parallel import cleaned
from sluice.clean.result import refuse_share
from sluice.contract.model import Contract
from sluice.contract.partitions import partition_path, partition_values
from sluice.engines.accounting import Account, Cost, Written, manifest_of
from sluice.engines.deduplicate import KEY_HASH, superseded_rows, with_key_hash
from sluice.engines.impute import ROWS, Plan, partition_counts
from sluice.engines.output_rows import Lineage, published_rows, quarantine_rows
from sluice.engines.polars_statistics import DeduplicatedRows, plan_of
from sluice.engines.spill import FILE_BYTES, HELD_BYTES, Spill
from sluice.manifest import Manifest, PartitionCount, StagedFile
from sluice.read.csv_reader import BATCH_ROWS
from sluice.read.header import match_header
from sluice.read.open import open_reader
from sluice.read.source import Source

Progress = Callable[[int], None]
"""Called after each batch with the records read so far."""

_FILE_ROWS = 1_000_000
_OPEN_BYTES = 64 << 20
"""Of rows that the writers of all partitions may hold together before a row group is written."""


@dataclass
class _FirstPass:
    good: Spill
    quarantined: Spill
    account: Account = field(default_factory=Account)
    bytes_in: int = 0


def clean(
    contract: Contract,
    source: Source,
    out: Path,
    *,
    lineage: Lineage,
    parts: Mapping[str, str] | None = None,
    hash_key: str = "",
    progress: Progress | None = None,
) -> Manifest:
    """Clean one file into `out` and return its account, which is also written to out/manifest.json.

    Writes out/published/<partitions>/<stem>-NNN.parquet and out/quarantine/<stem>-NNN.parquet. `out` must be
    empty or absent. Raises FileRejected when the file cannot be read or too many of its rows are bad; then `out`
    holds nothing.
    """
    started = time.perf_counter()
    work = out / "_work"
    work.mkdir(parents=True, exist_ok=True)
    try:
        first = _first_pass(contract, source, work, parts, progress)
        account = first.account
        refuse_share(contract, account.rows_in, account.quarantined, account.reasons)
        # The steps between the passes leave a core half idle, and the quarantine table does not need them.
        with ThreadPoolExecutor(1) as thread:
            quarantine = thread.submit(_write_quarantine, contract, first.quarantined, out, lineage)
            superseded = _superseded(contract, first)
            rows = DeduplicatedRows(first.good, superseded)
            whole = plan_of(contract, rows)
            partitions = _write_published(contract, rows, whole, out, lineage, hash_key)
            quarantine.result()
    except BaseException:
        shutil.rmtree(out / "published", ignore_errors=True)
        shutil.rmtree(out / "quarantine", ignore_errors=True)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if contract.unique:
        account.discarded["duplicate"] += int(superseded.sum())
    written = Written(partitions, staged_files(out, "published"), staged_files(out, "quarantine"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cost = Cost("polars", started, first.bytes_in, peak)
    manifest = manifest_of(contract, account, whole, written, lineage, cost)
    manifest.write(out / "manifest.json")
    return manifest


def _first_pass(
    contract: Contract, source: Source, work: Path, parts: Mapping[str, str] | None, progress: Progress | None
) -> _FirstPass:
    reader = open_reader(contract, source, BATCH_ROWS)
    header = match_header(contract, reader.header, reader.preview)
    good: dict[str, pl.DataType] = {**contract.parsed, **contract.extra, "_row_number": pl.Int64()}
    if contract.unique:
        good[KEY_HASH] = pl.UInt64()
    text = {name: dtype for name, dtype in contract.quarantined.items() if name not in ("_source_key", "_run_id")}
    first = _FirstPass(
        Spill(work / "good", good, HELD_BYTES, FILE_BYTES), Spill(work / "quarantined", text, FILE_BYTES, FILE_BYTES)
    )
    # One thread reads and parses, three clean, this one collects.
    for batch in cleaned(contract, header, reader, parts):
        first.good.append(with_key_hash(contract.unique, batch.good) if contract.unique else batch.good)
        first.quarantined.append(batch.quarantined)
        first.account.add_batch(batch)
        if progress:
            progress(first.account.rows_in)
    first.bytes_in = reader.facts.bytes_in
    first.account.note_header(contract, header)
    return first


def _superseded(contract: Contract, first: _FirstPass) -> pl.Series:
    """Return, at the index of each row number, whether the row is superseded by another of its key (Boolean).

    A bit a row: a file of nothing but duplicates needs no more memory than one without.
    """
    superseded = pl.repeat(value=False, n=first.account.rows_in + 1, dtype=pl.Boolean, eager=True)
    if contract.unique:
        for row_numbers in superseded_rows(contract.unique, first.good):
            superseded = superseded.scatter(row_numbers, values=True)
    return superseded


def _write_published(
    contract: Contract, deduplicated: DeduplicatedRows, whole: Plan, out: Path, lineage: Lineage, hash_key: str
) -> list[PartitionCount]:
    names = [part.name for part in contract.partition_by]
    rows = published_rows(contract, deduplicated.scan(), whole, lineage, hash_key=hash_key)
    folder = out / "published"
    folder.mkdir()
    if not names:
        counts = rows.select(pl.len()).collect(engine="streaming").item()
        if counts:
            rows.sink_parquet(folder / f"{lineage.file_stem}-000.parquet", compression="zstd", engine="streaming")
        return [PartitionCount({}, "", counts)] if counts else []
    counted = partition_counts(contract, deduplicated.scan(), whole).rows(named=True)
    if counted:
        group = max(1_024, min(262_144, _OPEN_BYTES // deduplicated.rows.row_bytes // len(counted)))
        _sink_partitions(rows, names, folder, lineage.file_stem, group)
    return [_partition_count(names, row) for row in counted]


def _partition_count(names: list[str], row: dict[str, Any]) -> PartitionCount:
    values = partition_values(names, tuple(row[name] for name in names))
    return PartitionCount(values, partition_path(values), row[ROWS])


def _sink_partitions(rows: pl.LazyFrame, names: list[str], folder: Path, stem: str, group: int) -> None:
    def name_file(file: Any) -> str:
        values = file.partition_keys.row(0, named=True)
        return f"{partition_path(values)}/{stem}-{file.index_in_partition:03}.parquet"

    target = pl.PartitionBy(
        folder, key=names, include_key=False, max_rows_per_file=_FILE_ROWS, file_path_provider=name_file
    )
    rows.sink_parquet(target, compression="zstd", mkdir=True, row_group_size=group, engine="streaming")


def _write_quarantine(contract: Contract, quarantined: Spill, out: Path, lineage: Lineage) -> None:
    folder = out / "quarantine"
    folder.mkdir()
    if quarantined.rows:
        rows = quarantine_rows(contract, quarantined.scan(), lineage)
        path = folder / f"{lineage.file_stem}-000.parquet"
        rows.sink_parquet(path, compression="zstd", row_group_size=32_768, engine="streaming")


def staged_files(folder: Path, below: str) -> list[StagedFile]:
    """Return the Parquet files under folder/below, by name, with the row counts of their footers."""
    files = sorted((folder / below).rglob("*.parquet"))
    counts = (pl.scan_parquet(file, glob=False, hive_partitioning=False).select(pl.len()) for file in files)
    return [
        StagedFile(path=file.relative_to(folder).as_posix(), rows=rows.item(), bytes=file.stat().st_size)
        for file, rows in zip(files, pl.collect_all(counts), strict=True)
    ]
