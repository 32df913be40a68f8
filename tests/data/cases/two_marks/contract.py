import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading, TextFormat


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Int64


contract = Contract(
    name="two_marks",
    version=1,
    row=Row,
    files=("two_marks/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(format=TextFormat(delimiter="||")),
)
