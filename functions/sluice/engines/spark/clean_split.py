"""The first pass on Spark: a task reads one split of a file, cleans it and stages its rows as Parquet files.

A chunk of rows has one staged file for each partition of its good rows, and one for its quarantined rows. The task
returns only the shuffle columns of the good rows and the account of each chunk.
"""

import json
import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from sluice.clean.batch import Cleaner
from sluice.clean.result import CleanBatch
from sluice.contract.declarations import Partition
from sluice.contract.model import Contract
from sluice.contract.partitions import derived_column, partition_values
from sluice.engines.accounting import Account
from sluice.engines.spark.files import Folder
from sluice.engines.spark.shuffle_columns import ACCOUNT, arrow_schema, shuffle_columns
from sluice.engines.spark.splits import Original, Split, batches
from sluice.engines.spill import bytes_of
from sluice.errors import FileRejected
from sluice.read.header import match_header

WORK = "_work/"
CHUNK_BYTES = 128 << 20
"""Rows in memory after which a task writes its chunk."""
SHUFFLE_ROWS = 100_000


@dataclass(frozen=True)
class SplitJob:
    """What the tasks of one file share. header: the file's column names; parts: what its key captured."""

    contract: Contract
    original: Original
    splits: list[Split]
    header: list[str]
    parts: Mapping[str, str]
    folder: Folder


def clean_splits(job: SplitJob, numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Clean the splits of these numbers (column `id`); yield shuffle columns and accounts of chunks.

    For Spark's mapInArrow. A rejected file is returned as an account instead of raised: Spark would
    retry the task, and lose the reason.
    """
    schema = arrow_schema(job.contract)
    for numbered in numbers:
        for number in numbered.column("id").to_pylist():
            for frame in _clean_split(job, number):
                whole = pl.concat([pl.DataFrame(schema=pl.Schema(schema)), frame], how="diagonal")
                table = whole.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
                yield from table.to_batches(max_chunksize=SHUFFLE_ROWS)


def _clean_split(job: SplitJob, number: int) -> Iterator[pl.DataFrame]:
    contract, split = job.contract, job.splits[number]
    header = match_header(contract, job.header)
    chunk = _Chunk(contract, number, split.first_row)
    cleaner = Cleaner(contract, job.parts)
    try:
        for raw in batches(job.original, split, job.header, contract):
            chunk.add(cleaner.clean(header.select(contract, raw.rows), raw.malformed))
            if chunk.bytes > CHUNK_BYTES:
                yield from chunk.write(job.folder)
                chunk = _Chunk(contract, number, chunk.first_row + chunk.account.rows_in)
    except FileRejected as rejected:
        refused = {"split": number, "rejected": {"reason": rejected.reason, "message": rejected.message}}
        yield pl.DataFrame({ACCOUNT: [json.dumps(refused)]})
        return
    yield from chunk.write(job.folder)


@dataclass
class _Chunk:
    """Consecutive rows of one split."""

    contract: Contract
    split: int
    first_row: int
    account: Account = field(default_factory=Account)
    bytes: int = 0
    good: list[pl.DataFrame] = field(default_factory=list)
    quarantined: list[pl.DataFrame] = field(default_factory=list)

    def add(self, batch: CleanBatch) -> None:
        self.account.add_batch(batch)
        held = batch.on_its_own()
        self.good.append(held.good)
        self.quarantined.append(held.quarantined)
        self.bytes += bytes_of(held.good) + bytes_of(held.quarantined)

    def write(self, folder: Folder) -> Iterator[pl.DataFrame]:
        """Write the rows; yield their shuffle columns, then the chunk's account."""
        files = []
        frames = _by_partition(self.contract, pl.concat(self.good)) if self.good else []
        self.good = []
        for number, (values, frame) in enumerate(frames):
            name = f"{WORK}{self.first_row:012}-{number:05}.parquet"
            size = folder.put(name, lambda file, rows=frame: rows.write_parquet(file, compression="lz4"))  # type: ignore[misc]
            files.append({"name": name, "values": values, "rows": frame.height, "bytes": size})
            yield self._shuffle_rows(frame, number)
        yield pl.DataFrame({ACCOUNT: [json.dumps(self._chunk_account(files, self._write_quarantined(folder)))]})

    def _shuffle_rows(self, frame: pl.DataFrame, file: int) -> pl.DataFrame:
        origin = {"chunk": pl.lit(self.first_row, pl.Int64), "file": pl.lit(file, pl.Int64)}
        columns = [one.expression.alias(one.name) for one in shuffle_columns(self.contract) if one.name not in origin]
        return frame.select(*columns).with_columns(**origin)

    def _write_quarantined(self, folder: Folder) -> list[dict[str, Any]]:
        rows = pl.concat(self.quarantined) if self.quarantined else pl.DataFrame()
        self.quarantined = []
        if not rows.height:
            return []
        name = f"{WORK}{self.first_row:012}-quarantine.parquet"
        size = folder.put(name, lambda file: rows.write_parquet(file, compression="lz4"))
        return [{"name": name, "values": {}, "rows": rows.height, "bytes": size}]

    def _chunk_account(self, files: list[dict[str, Any]], quarantine: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "split": self.split,
            "chunk": self.first_row,
            "account": self.account.to_dict(),
            "files": files,
            "quarantine": quarantine,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def _by_partition(contract: Contract, rows: pl.DataFrame) -> list[tuple[dict[str, str], pl.DataFrame]]:
    """Return the rows by the partition columns that are known before the whole file is read, with their values."""
    partitions = early_partitions(contract)
    if not rows.height:
        return []
    if not partitions:
        return [({}, rows)]
    names = [partition.name for partition in partitions]
    of_others = {part.name: derived_column(part, contract.types[part.name]) for part in partitions if part.of}
    groups = rows.with_columns(of_others.values()).partition_by(names, as_dict=True, maintain_order=True)
    return [(partition_values(names, values), frame.drop(list(of_others))) for values, frame in groups.items()]


def early_partitions(contract: Contract) -> list[Partition]:
    """Return the partition columns that no statistic of the whole file can change."""
    flags = {rule.flag for rule in contract.outliers}
    clipped = {rule.column for rule in contract.outliers if rule.clip}
    late = flags | clipped | set(contract.impute)
    return [part for part in contract.partition_by if (part.of or part.name) not in late]
