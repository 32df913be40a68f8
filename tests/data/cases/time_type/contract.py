import pandera.polars as pa
import polars as pl

from sluice.contract import Contract


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Time


contract = Contract(
    name="time_type",
    version=1,
    row=Row,
    files=("time_type/{f}.csv",),
    quarantine_limit=1.0,
)
