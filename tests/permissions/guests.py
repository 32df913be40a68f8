# ruff: noqa: N805 (pandera's checks are class methods)
"""A dataset about people, for tests: columns hashed, dropped and kept, in every declaration of a contract.

Only the files of the tests of personal data have the optional columns.
"""

from datetime import timedelta

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract.declarations import Discard, Outliers, Partition, Reading, Unique
from sluice.contract.model import Contract
from sluice.contract.steps import Fill, Lowercase, MapValues

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
    points: pl.Int64 = pa.Field(nullable=True)
    points_is_unusual: pl.Boolean
    born: pl.Date = pa.Field(nullable=True)
    nickname: pl.String = pa.Field(nullable=True)
    title: pl.String
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
    reading=Reading(
        null_markers=("", "n/a"),
        dates={"born": ("%d.%m.%Y",)},
        aliases={"mail": "email"},
        input_only=("passport",),
        optional=("points", "born", "nickname", "title", "passport"),
    ),
    cleaning=(Lowercase("email"), MapValues("nickname", {"-": "none"}), Fill("title", "guest")),
    discard=(Discard("is_a_test_guest", pl.col("full_name").str.contains("discarded")),),
    unique=Unique(key=("stay_id",), latest="born"),
    impute={"phone": "mode", "points": "median", "nickname": "mode", "born": "mode"},
    outliers=(Outliers("points", iqr=1.5, flag="points_is_unusual", clip=True),),
    partition_by=(Partition("arrival_month", of="arrival", format="%Y-%m"),),
    quarantine_limit=0.5,
    expected_every=GUESTS_EVERY,
    personal={
        "email": "hash",
        "full_name": "drop",
        "phone": "keep",
        "age": "drop",
        "points": "keep",
        "born": "drop",
        "nickname": "drop",
        "title": "drop",
        "passport": "drop",
    },
)
