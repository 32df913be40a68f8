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

    minute: pl.Datetime("us")
    brand: pl.String
    posts: pl.Int64 = pa.Field(gt=0)
    score_total: pl.Decimal(18, 3)
    mean_score: pl.Decimal(9, 6) = pa.Field(ge=-1, le=1)
    brands: pl.Int64 = pa.Field(gt=0)
    window_start: pl.Datetime("us")
    shard_id: pl.String
    post_day: pl.String

    @pa.dataframe_check
    def score_total_is_within_its_posts(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("score_total").abs() <= pl.col("posts"))


contract = Contract(
    name="sentiment_minutes",
    version=1,
    row=Minute,
    files=("sentiment_minutes/{day:%Y-%m-%d}/{window}.jsonl",),
    unique=Unique(key=("window_start", "shard_id", "minute", "brand")),
    partition_by=(Partition("post_day", of="minute", format="%Y-%m-%d"),),
)
