import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    a: pl.String
    b: pl.String


contract = Contract(
    name="alias_twice",
    version=1,
    row=Row,
    files=("alias_twice/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(aliases={"a1": "a", "A1": "b", "b": "a"}),
)
