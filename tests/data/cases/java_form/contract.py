import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    k: pl.String
    at: pl.Datetime("us") = pa.Field(nullable=True)


contract = Contract(
    name="java_form",
    version=1,
    row=Row,
    files=("java_form/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(dates={"at": ("yyyy-MM-dd HH:mm",)}),
)
