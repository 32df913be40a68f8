"""The first pass on many machines: a task reads one part of a file, cleans it and puts its rows aside.

Good rows are laid down in pieces, one for each partition that a chunk of rows touches, quarantined rows in one
more; the task hands on only the marks of the good rows and an account of the chunk.
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
from sluice.engines.accounting import Account
from sluice.engines.spark.files import Folder
from sluice.engines.spark.shuffle_columns import ACCOUNT, arrow_schema, shuffle_columns
from sluice.engines.spark.splits import Original, Split, batches
from sluice.engines.spill import bytes_of
from sluice.errors import FileRejected
from sluice.read.header import match_header

WORK = "_work/"
CHUNK_BYTES = 128 << 20
"""Rows in memory that a task holds before it lays them down."""
MARK_ROWS = 100_000


@dataclass(frozen=True)
class Cutting:
    """What the tasks of one file share. header: the file's column names; parts: what its key captured."""

    contract: Contract
    original: Original
    splits: list[Split]
    header: list[str]
    parts: Mapping[str, str]
    folder: Folder


def cut(job: Cutting, numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Clean the splits of these numbers (column `id`); yield the marks of good rows and the chunks' accounts.

    For Spark's mapInArrow. A file that turns out to be unreadable is told in an account, not raised: Spark would
    try again, and lose the reason.
    """
    schema = arrow_schema(job.contract)
    for numbered in numbers:
        for number in numbered.column("id").to_pylist():
            for frame in _cut_split(job, number):
                whole = pl.concat([pl.DataFrame(schema=pl.Schema(schema)), frame], how="diagonal")
                table = whole.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
                yield from table.to_batches(max_chunksize=MARK_ROWS)


def _cut_split(job: Cutting, number: int) -> Iterator[pl.DataFrame]:
    contract, split = job.contract, job.splits[number]
    header = match_header(contract, job.header)
    chunk = _Chunk(contract, number, split.first_row)
    cleaner = Cleaner(contract, job.parts)
    try:
        for raw in batches(job.original, split, job.header, contract):
            chunk.add(cleaner.clean(header.select(contract, raw.rows), raw.malformed))
            if chunk.bytes > CHUNK_BYTES:
                yield from chunk.lay_down(job.folder)
                chunk = _Chunk(contract, number, chunk.first_row + chunk.account.rows_in)
    except FileRejected as rejected:
        refused = {"split": number, "rejected": {"reason": rejected.reason, "message": rejected.message}}
        yield pl.DataFrame({ACCOUNT: [json.dumps(refused)]})
        return
    yield from chunk.lay_down(job.folder)


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

    def lay_down(self, folder: Folder) -> Iterator[pl.DataFrame]:
        """Write the rows; yield their marks, then the chunk's account."""
        pieces = []
        frames = _pieces(self.contract, pl.concat(self.good)) if self.good else []
        self.good = []
        for number, (values, frame) in enumerate(frames):
            name = f"{WORK}{self.first_row:012}-{number:05}.parquet"
            size = folder.put(name, lambda file, rows=frame: rows.write_parquet(file, compression="lz4"))  # type: ignore[misc]
            pieces.append({"name": name, "values": values, "rows": frame.height, "bytes": size})
            yield self._marks(frame, number)
        yield pl.DataFrame({ACCOUNT: [json.dumps(self._told(pieces, self._lay_down_quarantined(folder)))]})

    def _marks(self, frame: pl.DataFrame, piece: int) -> pl.DataFrame:
        place = {"chunk": pl.lit(self.first_row, pl.Int64), "piece": pl.lit(piece, pl.Int64)}
        marks = [mark.expression.alias(mark.name) for mark in shuffle_columns(self.contract) if mark.name not in place]
        return frame.select(*marks).with_columns(**place)

    def _lay_down_quarantined(self, folder: Folder) -> list[dict[str, Any]]:
        rows = pl.concat(self.quarantined) if self.quarantined else pl.DataFrame()
        self.quarantined = []
        if not rows.height:
            return []
        name = f"{WORK}{self.first_row:012}-quarantine.parquet"
        size = folder.put(name, lambda file: rows.write_parquet(file, compression="lz4"))
        return [{"name": name, "values": {}, "rows": rows.height, "bytes": size}]

    def _told(self, pieces: list[dict[str, Any]], quarantine: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "split": self.split,
            "chunk": self.first_row,
            "account": self.account.to_dict(),
            "pieces": pieces,
            "quarantine": quarantine,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def _pieces(contract: Contract, rows: pl.DataFrame) -> list[tuple[dict[str, str], pl.DataFrame]]:
    """Return the rows of each partition, as far as the partition can be told before the whole file is known."""
    parts = early_partitions(contract)
    if not rows.height:
        return []
    if not parts:
        return [({}, rows)]
    names = [part.name for part in parts]
    derived = [part.name for part in parts if part.of]
    groups = rows.with_columns(part.expression for part in parts).partition_by(names, as_dict=True, maintain_order=True)
    return [
        ({name: str(value) for name, value in zip(names, values, strict=True)}, frame.drop(derived))
        for values, frame in groups.items()
    ]


def early_partitions(contract: Contract) -> list[Partition]:
    """Return the partition columns that no statistic of the whole file can change."""
    flags = {rule.flag for rule in contract.outliers}
    clipped = {rule.column for rule in contract.outliers if rule.clip}
    late = flags | clipped | set(contract.impute)
    return [part for part in contract.partition_by if (part.of or part.name) not in late]
