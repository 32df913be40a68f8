"""Which rows of a file lose to a newer one of the same key, in memory bounded by a bucket of the keys."""

import polars as pl

from sluice.contract import Unique
from sluice.spill import Spill

KEY_HASH = "_key_hash"
BUCKET_ROWS = 2_500_000


def with_key_hash(unique: Unique, good: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `_key_hash` UInt64. It only narrows the search: keys themselves are compared after."""
    return good.with_columns(pl.struct(unique.key).hash(seed=0).alias(KEY_HASH))


def losers(unique: Unique, spill: Spill) -> pl.Series:
    """Return the row numbers (Int64) of the rows that another row of the same key outdoes.

    spill: key columns, the `newest` column, `_key_hash` and `_row_number`.
    """
    buckets = -(-spill.rows // BUCKET_ROWS)
    found = [_losers_of_bucket(unique, spill, bucket, buckets) for bucket in range(buckets)]
    return pl.concat(found) if found else pl.Series("_row_number", [], dtype=pl.Int64)


def _losers_of_bucket(unique: Unique, spill: Spill, bucket: int, buckets: int) -> pl.Series:
    in_bucket = spill.scan().select(KEY_HASH, "_row_number")
    if buckets > 1:
        in_bucket = in_bucket.filter(pl.col(KEY_HASH) % buckets == bucket)
    hashes = in_bucket.collect(engine="streaming")
    suspects = hashes.filter(pl.col(KEY_HASH).is_duplicated()).select("_row_number")
    if suspects.is_empty():
        return suspects.to_series()
    order = ([unique.newest] if unique.newest else []) + ["_row_number"]
    columns = list(dict.fromkeys([*unique.key, *order]))
    rivals = spill.scan().select(columns).join(suspects.lazy(), on="_row_number", how="semi")
    ranked = rivals.collect(engine="streaming").sort(order, descending=True, nulls_last=True)
    return ranked.filter(~pl.struct(unique.key).is_first_distinct()).get_column("_row_number")
