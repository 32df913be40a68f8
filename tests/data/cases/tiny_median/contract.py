import pandera.polars as pa
import polars as pl

from sluice.contract import Contract


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Float64 = pa.Field(nullable=True)


contract = Contract(
    name="tiny_median",
    version=1,
    row=Row,
    files=("tiny_median/{f}.csv",),
    quarantine_limit=1.0,
    impute={"v": "median"},
)
