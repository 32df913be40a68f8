"""Posts by minute and brand, as the windows over the stream count them: one row a window, shard, minute and brand.

A late post is counted under the minute in which it was posted, by the window in which it came. So a minute may have
several rows: add up `posts` and `score_total`; their quotient is the mean score.
"""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract import Contract, Partition, Unique


class Minute(pa.DataFrameModel):
    """What one window of one shard says of a minute and brand. Times in UTC, scores from -1 to 1 a post.

    brands: distinct brands of that minute in that window.
    """

    minute: pl.Datetime("us")  # type: ignore[valid-type]
    brand: pl.String
    posts: pl.Int64
    score_total: pl.Decimal(18, 3)  # type: ignore[valid-type]
    mean_score: pl.Decimal(9, 6)  # type: ignore[valid-type]
    brands: pl.Int64
    window_start: pl.Datetime("us")  # type: ignore[valid-type]
    shard_id: pl.String
    post_day: pl.String

    @pa.check("posts", "brands", name="is_positive")
    def count_is_positive(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) > 0)

    @pa.check("mean_score")
    def mean_score_is_from_minus_1_to_1(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(-1, 1))

    @pa.dataframe_check
    def score_total_is_within_its_posts(  # type: ignore[misc]
        cls, data: PolarsData
    ) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("score_total").abs() <= pl.col("posts"))


contract = Contract(
    name="sentiment_minutes",
    version=1,
    row=Minute,
    files=("sentiment_minutes/{day:%Y-%m-%d}/{window}.jsonl",),
    unique=Unique(key=("window_start", "shard_id", "minute", "brand")),
    partition_by=(Partition("post_day", of="minute", format="%Y-%m-%d"),),
)
