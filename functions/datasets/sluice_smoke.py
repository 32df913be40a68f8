"""The dataset of `sluice smoke`, the acceptance test of a deployment: one row an item sold, a few rows a file."""

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Discard, Lowercase, Partition, Unique


class Item(pa.DataFrameModel):
    """One item sold. amount in US dollars."""

    item_id: pl.String
    colour: pl.String = pa.Field(isin=["blue", "green", "red"])
    amount: pl.Decimal(9, 2) = pa.Field(ge=0)
    sold_on: pl.Date
    sold_month: pl.String


contract = Contract(
    name="sluice_smoke",
    version=1,
    row=Item,
    files=("sluice_smoke/{trial}/{sample}.csv",),
    cleaning=(Lowercase("colour"),),
    discard=(Discard("test_item", when=pl.col("item_id").str.starts_with("TEST")),),
    unique=Unique(key=("item_id",)),
    partition_by=(Partition("sold_month", of="sold_on", format="%Y-%m"),),
    quarantine_limit=0.5,  # in a file of a few rows, each is a large share
)
