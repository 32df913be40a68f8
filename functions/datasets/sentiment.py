"""Posts about brands and how they feel, record by record from a stream: one row a post.

A record may come late, and more than once: of one post the record that was received last is the latest.
"""

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Lowercase, Partition, Reading, Unique


class Post(pa.DataFrameModel):
    """One post. text_length in characters, score from -1 (bad) to 1 (good), times in UTC."""

    post_id: pl.String
    brand: pl.String
    text: pl.String = pa.Field(nullable=True)
    text_length: pl.Int64 = pa.Field(ge=0, le=10_000)
    score: pl.Decimal(4, 3) = pa.Field(ge=-1, le=1)
    posted_at: pl.Datetime("us")
    received_at: pl.Datetime("us") = pa.Field(nullable=True)
    post_day: pl.String


contract = Contract(
    name="sentiment",
    version=1,
    row=Post,
    files=("sentiment/{day:%Y-%m-%d}/{part}.jsonl",),
    # A producer that sends a new key must not lose its records: the key is ignored until the contract has it.
    reading=Reading(unknown_columns="ignore"),
    cleaning=(Lowercase("brand"),),
    unique=Unique(key=("post_id",), latest="received_at", across_files=True),
    partition_by=(Partition("post_day", of="posted_at", format="%Y-%m-%d"),),
)
