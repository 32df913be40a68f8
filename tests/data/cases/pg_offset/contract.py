import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Reading


class Row(pa.DataFrameModel):
    k: pl.String
    at: pl.Datetime("us") = pa.Field(nullable=True)


contract = Contract(
    name="pg_offset",
    version=1,
    row=Row,
    files=("pg_offset/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(
        dates={
            "at": (
                "%Y-%m-%d %H:%M:%S%.f%#z",
                "%Y-%m-%d %H:%M:%S%.f%z",
            )
        }
    ),
)
