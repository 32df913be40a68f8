"""Till rows of a grocery chain (the Complete Journey study): one row a product of a basket, one file a shop and day."""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract import Contract, Discard, Outliers, Partition, Reading, Unique


class GroceryLine(pa.DataFrameModel):
    """One published line of a basket. Amounts in US dollars; the timestamp is UTC."""

    household_id: pl.String
    store_id: pl.String
    basket_id: pl.Int64
    product_id: pl.Int64
    # Fuel is sold in thousandths of a gallon, so a full truck is still below.
    quantity: pl.Int64 = pa.Field(gt=0, le=100_000)
    sales_value: pl.Decimal(9, 2) = pa.Field(ge=0)
    retail_disc: pl.Decimal(9, 2) = pa.Field(ge=0)
    coupon_disc: pl.Decimal(9, 2) = pa.Field(ge=0)
    coupon_match_disc: pl.Decimal(9, 2) = pa.Field(ge=0)
    week: pl.Int64 = pa.Field(ge=1, le=53)
    transaction_timestamp: pl.Datetime("us")
    quantity_is_outlier: pl.Boolean
    sale_month: pl.String

    @pa.dataframe_check
    def coupon_match_is_within_the_coupon(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("coupon_match_disc") <= pl.col("coupon_disc"))


def _rounds_to_zero(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False).abs() < 0.005


contract = Contract(
    name="grocery",
    version=1,
    table="iceberg",
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
