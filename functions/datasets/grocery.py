"""Till rows of a grocery chain (the Complete Journey study): one row a product of a basket, one file a shop and day."""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract import Contract, Discard, Outliers, Partition, Reading, Unique

AMOUNTS = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


class GroceryLine(pa.DataFrameModel):
    """One published line of a basket. Amounts in US dollars; the timestamp is UTC."""

    household_id: pl.String
    store_id: pl.String
    basket_id: pl.Int64
    product_id: pl.Int64
    quantity: pl.Int64
    sales_value: pl.Decimal(9, 2)  # type: ignore[valid-type]
    retail_disc: pl.Decimal(9, 2)  # type: ignore[valid-type]
    coupon_disc: pl.Decimal(9, 2)  # type: ignore[valid-type]
    coupon_match_disc: pl.Decimal(9, 2)  # type: ignore[valid-type]
    week: pl.Int64
    transaction_timestamp: pl.Datetime("us")  # type: ignore[valid-type]
    quantity_is_outlier: pl.Boolean
    sale_month: pl.String

    @pa.check("quantity")
    def quantity_is_positive(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) > 0)

    @pa.check("quantity")
    def quantity_is_at_most_100000(cls, data: PolarsData) -> pl.LazyFrame:
        # Fuel is sold in thousandths of a gallon, so a full truck is still below.
        return data.lazyframe.select(pl.col(data.key) <= 100_000)

    @pa.check(*AMOUNTS, name="is_not_negative")
    def amount_is_not_negative(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) >= 0)

    @pa.check("week")
    def week_is_from_1_to_53(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(1, 53))

    @pa.dataframe_check
    def coupon_match_is_within_the_coupon(  # type: ignore[misc]
        cls, data: PolarsData
    ) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("coupon_match_disc") <= pl.col("coupon_disc"))


def _rounds_to_zero(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False).abs() < 0.005


contract = Contract(
    name="grocery",
    version=1,
    row=GroceryLine,
    files=("grocery/{store_id}/{date:%Y-%m-%d}.csv",),
    reading=Reading(null_markers=("", "na", "n/a", "null", "nan", "none", "-")),
    discard=(
        # Coupon and void lines: nothing was handed over and nothing paid.
        Discard("no_sale", when=_rounds_to_zero("quantity") & _rounds_to_zero("sales_value")),
    ),
    unique=Unique(key=("basket_id", "product_id"), latest="transaction_timestamp"),
    outliers=(Outliers("quantity", z_score=3, flag="quantity_is_outlier"),),
    partition_by=(Partition("sale_month", of="transaction_timestamp", format="%Y-%m"),),
    same_as_key=("store_id",),
)
