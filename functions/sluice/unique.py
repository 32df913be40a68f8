"""Which rows of a file lose to a newer one of the same key, in memory bounded by a bucket of the keys."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sluice.contract import Unique
from sluice.spill import Spill

KEY_HASH = "_key_hash"
BUCKET_ROWS = 1_000_000
_OPEN_ROWS = 262_144
"""Rows that the writers of all buckets may hold together."""


def with_key_hash(unique: Unique, good: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `_key_hash` UInt64. It only narrows the search: keys themselves are compared after."""
    return good.with_columns(pl.struct(unique.key).hash(seed=0).alias(KEY_HASH))


def losers(unique: Unique, spill: Spill) -> Iterator[pl.Series]:
    """Yield the row numbers (Int64) of the rows that another row of the same key outdoes, in no certain order.

    spill: key columns, the `newest` column, `_key_hash` and `_row_number`.
    """
    columns = list(dict.fromkeys([KEY_HASH, *unique.key, *([unique.newest] if unique.newest else []), "_row_number"]))
    rows = spill.scan().select(columns)
    buckets = -(-spill.rows // BUCKET_ROWS)
    for bucket in _buckets(rows, buckets, spill.folder / "keys") if buckets > 1 else (rows,):
        yield _losers_of(unique, bucket)


def _buckets(rows: pl.LazyFrame, buckets: int, folder: Path) -> Iterator[pl.LazyFrame]:
    """Write each row once, into its bucket: reading all rows for each bucket would make time grow squared."""
    target = pl.PartitionBy(
        folder,
        key=(pl.col(KEY_HASH) % buckets).alias("bucket"),
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


def _losers_of(unique: Unique, rows: pl.LazyFrame) -> pl.Series:
    hashes = rows.select(KEY_HASH, "_row_number").collect(engine="streaming")
    suspects = hashes.filter(pl.col(KEY_HASH).is_duplicated()).select("_row_number")
    if suspects.is_empty():
        return suspects.to_series()
    order = ([unique.newest] if unique.newest else []) + ["_row_number"]
    rivals = rows.drop(KEY_HASH).join(suspects.lazy(), on="_row_number", how="semi").collect(engine="streaming")
    ranked = rivals.sort(order, descending=True, nulls_last=True)
    return ranked.filter(~pl.struct(unique.key).is_first_distinct()).get_column("_row_number")
