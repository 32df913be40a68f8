"""Dates of a two-digit year."""

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    id: pl.Int64
    day: pl.Date


contract = Contract(
    name="two_digit_years",
    version=1,
    row=Row,
    files=("two_digit_years/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(dates={"day": ("%d/%m/%y",)}, century_pivots={"day": 2030}),
)
