"""Daily sales files of shops, ready for a demand forecast."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Discard, Lowercase, Outliers, Partition, Reading, Unique, Uppercase

CHANNELS = ("online", "in_store", "mobile", "partner")
CURRENCIES = ("USD", "EUR", "GBP")


class Sale(pa.DataFrameModel):
    """One published sale. Amounts are in the row's own currency."""

    transaction_id: pl.String
    store_id: pl.String
    product_id: pl.String
    sale_date: pl.Date
    quantity: pl.Int64 = pa.Field(ge=1, le=1000, nullable=True)
    unit_price: pl.Decimal(12, 2) = pa.Field(gt=0, nullable=True)
    currency: pl.String = pa.Field(isin=CURRENCIES)
    channel: pl.String = pa.Field(isin=CHANNELS)
    category: pl.String = pa.Field(nullable=True)
    customer_age: pl.Int64 = pa.Field(ge=0, le=120, nullable=True)
    updated_at: pl.Datetime("us") = pa.Field(nullable=True)
    price_is_outlier: pl.Boolean
    quantity_is_outlier: pl.Boolean
    sale_month: pl.String


contract = Contract(
    name="sales",
    version=1,
    row=Sale,
    files=("sales/{store_id}/{date:%Y-%m-%d}.csv",),
    reading=Reading(
        null_markers=("", "n/a", "null", "nan", "none", "-"),
        dates={
            "sale_date": (
                "%Y-%m-%d",
                "%m/%d/%Y",
                "%d-%m-%Y",
                "%Y/%m/%d",
                "%Y%m%d",
                "%d %b %Y",
                "%Y-%m-%dT%H:%M:%S",
            )
        },
        input_only=("is_test",),
    ),
    cleaning=(Lowercase("channel", "category"), Uppercase("currency")),
    discard=(
        Discard(
            "test_transaction",
            when=pl.col("transaction_id").str.starts_with("TEST")
            | pl.col("is_test").str.to_lowercase().is_in(["true", "1", "y", "yes"]),
        ),
    ),
    unique=Unique(key=("transaction_id",), latest="updated_at"),
    impute={"quantity": "median", "unit_price": "median", "customer_age": "mean"},
    outliers=(
        Outliers("unit_price", iqr=1.5, flag="price_is_outlier"),
        Outliers("quantity", z_score=3, flag="quantity_is_outlier"),
    ),
    partition_by=(Partition("sale_month", of="sale_date", format="%Y-%m"),),
    quarantine_limit=0.2,
    expected_every=timedelta(days=2),  # shops send daily; one holiday is no alarm
)
