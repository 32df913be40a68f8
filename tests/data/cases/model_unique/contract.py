import pandera.polars as pa
import polars as pl

from sluice.contract import Contract


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Int64

    class Config:
        unique = "k"


contract = Contract(
    name="model_unique",
    version=1,
    row=Row,
    files=("model_unique/{f}.csv",),
    quarantine_limit=1.0,
)
