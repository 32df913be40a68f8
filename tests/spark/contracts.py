"""Contracts unlike those of the datasets, in a module of their own: Spark's workers import it by its name."""

from dataclasses import replace

import pandera.polars as pa
import polars as pl

from sluice.contract.declarations import Constant, Outliers, Partition, Reading, Unique
from sluice.contract.model import Contract
from sluice.contract.registry import load

SALES = load("sales")
BY_YEAR = replace(SALES, partition_by=(Partition("sale_month", of="sale_date", format="%Y"),))
"""Few partitions make few tasks: the tests stay quick."""


class FlatSale(pa.DataFrameModel):
    """A few columns of a sale; the others are unknown ones."""

    transaction_id: pl.String
    store_id: pl.String
    quantity: pl.Int64 = pa.Field(nullable=True)
    unit_price: pl.Decimal(12, 2) = pa.Field(nullable=True)  # type: ignore[valid-type]
    category: pl.String = pa.Field(nullable=True)
    customer_age: pl.Float64 = pa.Field(nullable=True)
    updated_at: pl.Datetime("us") = pa.Field(nullable=True)  # type: ignore[valid-type]


FLAT = Contract(
    name="flat",
    version=1,
    row=FlatSale,
    files=("flat/{name}.csv",),
    reading=Reading(null_markers=SALES.reading.null_markers, unknown_columns="keep"),
    quarantine_limit=0.9,
)

VARIANTS: dict[str, Contract] = {
    "nothing about the whole file": FLAT,
    "unknown columns kept, all statistics, a clipped column, a hashed one": replace(
        FLAT,
        unique=Unique(("transaction_id",), latest="updated_at"),
        impute={
            "category": "mode",
            "customer_age": "median",
            "unit_price": "mean",
            "quantity": Constant("7"),
            "updated_at": "mode",
        },
        outliers=(Outliers("unit_price", z_score=2, clip=True), Outliers("customer_age", iqr=0.5, clip=True)),
        personal={"store_id": "hash", "category": "keep"},
    ),
    "modes of numbers, a personal column dropped": replace(
        FLAT, impute={"customer_age": "mode", "unit_price": "mode"}, personal={"store_id": "drop"}
    ),
    "a partition that the statistics decide": replace(
        SALES,
        partition_by=(Partition("price_is_outlier"), Partition("sale_month", of="sale_date", format="%Y")),
    ),
    "a partition by a column of the file": replace(
        SALES, partition_by=(Partition("currency"), Partition("sale_month", of="sale_date", format="%Y"))
    ),
    "a key of two columns and no latest": replace(BY_YEAR, unique=Unique(("store_id", "sale_date"))),
}


class Edge(pa.DataFrameModel):
    """Numbers at the ends of their types."""

    id: pl.Int64
    tiny: pl.Int8 = pa.Field(nullable=True)
    wide: pl.Int64 = pa.Field(nullable=True)
    exact: pl.Decimal(18, 6) = pa.Field(nullable=True)  # type: ignore[valid-type]
    inexact: pl.Float64 = pa.Field(nullable=True)
    far: pl.Boolean


EDGES = Contract(
    name="edges",
    version=1,
    row=Edge,
    files=("edges/{name}.csv",),
    impute={"tiny": "mean", "wide": "median", "exact": "mean", "inexact": "median"},
    outliers=(
        Outliers("tiny", iqr=1.5, clip=True),
        Outliers("wide", z_score=0.9, clip=True),
        Outliers("exact", iqr=1.5, clip=True),
        Outliers("inexact", z_score=1.5, clip=True, flag="far"),
    ),
)
