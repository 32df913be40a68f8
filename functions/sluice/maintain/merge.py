"""Merges Parquet files of a partition into one, on the disk: memory is bounded by a few batches of rows."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from sluice.maintain.parquet import download, upload
from sluice.publish.iceberg.compaction import Column, Segment
from sluice.publish.lake import Lake, Written

_THREADS = 8
_BATCH_ROWS = 500_000
_BATCH_SEGMENTS = 256
_GROUP_ROWS = 65_536
"""Rows of a row group, which readers skip by the bounds of `_source_key`."""

_TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}


def merge(lake: Lake, segments: Sequence[Segment], columns: Sequence[Column], key: str) -> Written | None:
    """Write the rows of segments, in their order, to a key, in the columns of the table; return what was written.

    segments: by source; within a source rows are sorted by `_row_number`, as far as they are in one batch.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        parts = []
        for number, rows in enumerate(_batches(lake, segments, columns, work)):
            parts.append(work / f"part-{number}.parquet")
            rows.write_parquet(parts[-1], compression="lz4", row_group_size=_GROUP_ROWS)
        out = work / "out.parquet"
        merged = pl.scan_parquet(parts, glob=False, hive_partitioning=False)
        merged.sink_parquet(out, compression="zstd", row_group_size=_GROUP_ROWS, engine="streaming")
        return upload(lake.s3, lake.bucket, out, key)


def dtype_of(type_: str) -> pl.DataType:
    """Return Polars' type of one of Iceberg's, as text. Raises KeyError."""
    if type_.startswith("list<"):
        return pl.List(dtype_of(type_[5:-1]))
    if type_.startswith("decimal("):
        precision, scale = type_[8:-1].split(",")
        return pl.Decimal(int(precision), int(scale))
    return _TYPES[type_]


def _batches(lake: Lake, segments: Sequence[Segment], columns: Sequence[Column], work: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of segments, sorted, in batches of bounded size."""
    some: list[pl.DataFrame] = []
    rows = 0
    for frame in _frames(lake, segments, columns, work):
        some.append(frame)
        rows += frame.height
        if rows >= _BATCH_ROWS or len(some) == _BATCH_SEGMENTS:
            yield _sorted(some)
            some, rows = [], 0
    if some:
        yield _sorted(some)


def _frames(lake: Lake, segments: Sequence[Segment], columns: Sequence[Column], work: Path) -> Iterator[pl.DataFrame]:
    uses: dict[str, int] = {}
    for segment in segments:
        uses[segment.key] = uses.get(segment.key, 0) + 1
    files: dict[str, Path] = {}

    def fetch(named: tuple[int, str]) -> Path:
        number, key = named
        return download(lake.s3, lake.bucket, key, work / f"in-{number}.parquet")

    with ThreadPoolExecutor(_THREADS) as threads:
        keys = list(uses)
        ahead = 0
        for segment in segments:
            if segment.key not in files:
                some = list(enumerate(keys[ahead : ahead + _THREADS], ahead))
                files |= zip((key for _, key in some), threads.map(fetch, some), strict=True)
                ahead += _THREADS
            scan = pl.scan_parquet(files[segment.key], glob=False, hive_partitioning=False)
            scan = _in_columns(scan, columns)
            for start in range(segment.start, segment.start + segment.rows, _BATCH_ROWS):
                rows = min(_BATCH_ROWS, segment.start + segment.rows - start)
                yield scan.slice(start, rows).collect(engine="streaming")
            uses[segment.key] -= 1
            if not uses[segment.key]:
                files.pop(segment.key).unlink()


def _in_columns(scan: pl.LazyFrame, columns: Sequence[Column]) -> pl.LazyFrame:
    """Return the rows of a file of any version of the table in its columns of now."""
    have = scan.collect_schema()
    found = {column.name: next((name for name in column.names if name in have), None) for column in columns}
    return scan.select(
        (pl.lit(None) if (name := found[column.name]) is None else pl.col(name))
        .cast(dtype_of(column.type))
        .alias(column.name)
        for column in columns
    )


def _sorted(frames: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(frames)
    order = [name for name in ("_source_key", "_row_number") if name in rows.columns]
    return rows.sort(order, maintain_order=True)
