"""Finds the superseded rows of a file, in memory bounded by a bucket of the keys."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sluice.contract.declarations import Unique
from sluice.engines.spill import Spill

KEY_HASH = "_key_hash"
HASHES = 8_000_000
"""Hashes that are held at once: 8 bytes each, and as much again while they are sorted."""
BUCKET_ROWS = 1_000_000
"""Rows that are held at once with their keys."""
_OPEN_ROWS = 262_144
"""Rows that the writers of all buckets may hold together."""


def with_key_hash(unique: Unique, good: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `_key_hash` UInt64. Rows that share a hash are then compared by their keys."""
    return good.with_columns_seq(pl.struct(unique.key).hash(seed=0).alias(KEY_HASH))


def superseded_rows(unique: Unique, spill: Spill) -> Iterator[pl.Series]:
    """Yield the row numbers (Int64) of all rows but the latest of each key, in no certain order.

    spill: key columns, the `latest` column, `_key_hash` and `_row_number`.
    """
    columns = list(dict.fromkeys([KEY_HASH, *unique.key, *([unique.latest] if unique.latest else []), "_row_number"]))
    folder = spill.folder / "keys"
    low, high = pl.col(KEY_HASH) % 2**32, pl.col(KEY_HASH) // 2**32
    for number, rows in enumerate(_buckets(spill.scan().select(columns), low, spill.rows, HASHES, folder / "all")):
        suspects, count = _suspects(rows)
        for rows_of_keys in _buckets(suspects, high, count, BUCKET_ROWS, folder / f"suspects-{number}"):
            yield _superseded_of(unique, rows_of_keys)


def _suspects(rows: pl.LazyFrame) -> tuple[pl.LazyFrame, int]:
    """Return the rows that share their hash with another, and their number."""
    # Sorted, equals are neighbours: a fifth of the time of a table of all hashes. Two threads sort no faster than one.
    hashes = rows.select(KEY_HASH).collect(engine="streaming").to_series().sort(multithreaded=False)
    again = hashes == hashes.shift(1)
    shared = hashes.filter(again).unique()
    return rows.filter(pl.col(KEY_HASH).is_in(shared.implode())), int((again | again.shift(-1)).sum())


def _buckets(rows: pl.LazyFrame, bits: pl.Expr, count: int, most: int, folder: Path) -> Iterator[pl.LazyFrame]:
    """Yield the `count` rows in buckets of about `most` at most, all of one hash in the same; none when there are none.

    bits: the bits of the hash that choose the bucket; buckets within a bucket need other bits.
    Each row is written once, into its bucket: reading all rows for each bucket would make time grow squared.
    """
    buckets = -(-count // most)
    if buckets <= 1:
        yield from [rows] * buckets
        return
    target = pl.PartitionBy(
        folder,
        key=(bits % buckets).alias("bucket"),
        include_key=False,
        file_path_provider=lambda file: f"{file.partition_keys.item()}-{file.index_in_partition}.parquet",
    )
    rows.sink_parquet(
        target,
        compression="lz4",
        statistics=False,
        mkdir=True,
        row_group_size=_OPEN_ROWS // buckets,
        engine="streaming",
    )
    for bucket in range(buckets):
        if files := sorted(folder.glob(f"{bucket}-*.parquet")):
            yield pl.scan_parquet(files, glob=False)


def _superseded_of(unique: Unique, rows: pl.LazyFrame) -> pl.Series:
    order = ([unique.latest] if unique.latest else []) + ["_row_number"]
    ranked = rows.drop(KEY_HASH).collect(engine="streaming").sort(order, descending=True, nulls_last=True)
    return ranked.filter(~pl.struct(unique.key).is_first_distinct()).get_column("_row_number")
