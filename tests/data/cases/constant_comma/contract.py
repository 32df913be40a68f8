import pandera.polars as pa
import polars as pl

from sluice.contract import Constant, Contract, Reading, TextFormat


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.Float64 = pa.Field(nullable=True)
    w: pl.Int64 = pa.Field(nullable=True)


contract = Contract(
    name="constant_comma",
    version=1,
    row=Row,
    files=("constant_comma/{f}.csv",),
    quarantine_limit=1.0,
    reading=Reading(format=TextFormat(delimiter=";"), decimal_comma=True),
    impute={"v": Constant("1,5"), "w": Constant("none")},
)
