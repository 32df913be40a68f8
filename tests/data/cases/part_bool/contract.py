import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Boolean


contract = Contract(
    name="part_bool",
    version=1,
    row=Row,
    files=("part_bool/{f}.csv",),
    quarantine_limit=1.0,
    partition_by=(Partition("v"),),
)
