import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Outliers


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Int8


contract = Contract(
    name="limit_beyond",
    version=1,
    row=Row,
    files=("limit_beyond/{f}.csv",),
    quarantine_limit=1.0,
    outliers=(Outliers("v", iqr=1.5, clip=True),),
)
