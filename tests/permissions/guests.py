# ruff: noqa: N805 (pandera's checks are class methods)
"""A dataset about people, for tests: one column hashed, one dropped, one kept, and all of them masked on the way."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract.declarations import Partition, Unique
from sluice.contract.model import Contract

GUESTS_EVERY = timedelta(hours=5)


class Stay(pa.DataFrameModel):
    """One stay of a guest."""

    stay_id: pl.String
    email: pl.String
    full_name: pl.String
    phone: pl.String = pa.Field(nullable=True)
    age: pl.Int64 = pa.Field(nullable=True)
    arrival: pl.Date
    nights: pl.Int64
    arrival_month: pl.String

    @pa.check("nights")
    def nights_is_positive(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) > 0)

    @pa.check("age")
    def age_is_from_0_to_120(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).is_between(0, 120))

    @pa.check("email")
    def email_has_an_at_sign(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).str.contains("@", literal=True))


contract = Contract(
    name="guests",
    version=1,
    row=Stay,
    files=("guests/{hotel}/{date:%Y-%m-%d}.csv",),
    unique=Unique(key=("stay_id",)),
    partition_by=(Partition("arrival_month", of="arrival", format="%Y-%m"),),
    quarantine_limit=0.5,
    expected_every=GUESTS_EVERY,
    personal={"email": "hash", "full_name": "drop", "phone": "keep", "age": "drop"},
)
