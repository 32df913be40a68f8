import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    k: pl.String
    at: pl.Datetime("us") = pa.Field(nullable=True)


contract = Contract(
    name="z_inside",
    version=1,
    row=Row,
    files=("z_inside/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(dates={"at": ("%a %b %d %H:%M:%S %z %Y",)}),
)
