import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Outliers


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Float64


contract = Contract(
    name="large_outlier",
    version=1,
    row=Row,
    files=("large_outlier/{f}.csv",),
    quarantine_limit=1.0,
    outliers=(Outliers("v", iqr=1.5, clip=True),),
)
