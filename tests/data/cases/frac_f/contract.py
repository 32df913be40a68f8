import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    k: pl.String
    at: pl.Datetime("us") = pa.Field(nullable=True)


contract = Contract(
    name="frac_f",
    version=1,
    row=Row,
    files=("frac_f/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(dates={"at": ("%Y-%m-%d %H:%M:%S.%f",)}),
)
