import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.String


contract = Contract(
    name="part_default",
    version=1,
    row=Row,
    files=("part_default/{f}.csv",),
    quarantine_limit=1.0,
    partition_by=(Partition("v"),),
)
