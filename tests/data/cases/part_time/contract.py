import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Datetime("us")


contract = Contract(
    name="part_time",
    version=1,
    row=Row,
    files=("part_time/{f}.csv",),
    quarantine_limit=1.0,
    partition_by=(Partition("v"),),
)
