import pandera.polars as pa
import polars as pl

from sluice.contract import Contract


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.UInt64


contract = Contract(
    name="no_such_type",
    version=1,
    row=Row,
    files=("no_such_type/{f}.csv",),
    quarantine_limit=1.0,
)
