import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    k: pl.String
    born: pl.Date


contract = Contract(
    name="century",
    version=1,
    row=Row,
    files=("century/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(dates={"born": ("%d-%m-%y",)}),
)
