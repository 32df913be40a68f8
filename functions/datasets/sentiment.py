"""Posts about brands and how they feel, record by record from a stream: one row a post.

A record may come late, and more than once: of one post the record that was received last holds.
"""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract import Contract, Lowercase, Partition, Reading, Unique


class Post(pa.DataFrameModel):
    """One post. text_length in characters, score from -1 (bad) to 1 (good), times in UTC."""

    post_id: pl.String
    brand: pl.String
    text: pl.String = pa.Field(nullable=True)
    text_length: pl.Int64
    score: pl.Decimal(4, 3)  # type: ignore[valid-type]
    posted_at: pl.Datetime("us")  # type: ignore[valid-type]
    received_at: pl.Datetime("us") = pa.Field(nullable=True)  # type: ignore[valid-type]
    post_day: pl.String

    @pa.check("text_length")
    def text_length_is_from_0_to_10000(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(0, 10_000))

    @pa.check("score")
    def score_is_from_minus_1_to_1(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(-1, 1))


contract = Contract(
    name="sentiment",
    version=1,
    row=Post,
    files=("sentiment/{day:%Y-%m-%d}/{part}.jsonl",),
    # A producer that sends a new key must not lose its records: the key waits until the contract knows it.
    reading=Reading(unknown_columns="ignore"),
    cleaning=(Lowercase("brand"),),
    unique=Unique(key=("post_id",), latest="received_at", across_files=True),
    partition_by=(Partition("post_day", of="posted_at", format="%Y-%m-%d"),),
)
