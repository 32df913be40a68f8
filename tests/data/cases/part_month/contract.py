import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    k: pl.String
    d: pl.Date
    month: pl.Int64


contract = Contract(
    name="part_month",
    version=1,
    row=Row,
    files=("part_month/{f}.csv",),
    quarantine_limit=1.0,
    partition_by=(Partition("month", of="d", format="%m"),),
)
