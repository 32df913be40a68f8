"""Declarations after public reports of people who load files, and their right outcome; inputs are in tests/data/cases.

A declaration that cannot work is refused when the contract is made: these are in REFUSED, and CASES has the declaration
that the message asks for instead, on the same input.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pandera.polars as pa
import polars as pl

from sluice.contract import Constant, Outliers, Partition, Reading, TextFormat, Unique
from tests.contract.text_cases import TEXTS, Case, Days, Numbers, contract


class Times(pa.DataFrameModel):
    """A text and a timestamp."""

    k: pl.String
    at: pl.Datetime("us") = pa.Field(nullable=True)


class Floats(pa.DataFrameModel):
    """A text and a float."""

    k: pl.String
    v: pl.Float64 = pa.Field(nullable=True)


class Measures(Floats):
    """A text, a float and a whole number."""

    w: pl.Int64 = pa.Field(nullable=True)


class Months(pa.DataFrameModel):
    """A text, a date and its month."""

    k: pl.String
    d: pl.Date
    month: pl.Int64


class Moments(pa.DataFrameModel):
    """A text, a timestamp and its day."""

    k: pl.String
    v: pl.Datetime("us")
    day: pl.String


class Pair(pa.DataFrameModel):
    """Two texts."""

    a: pl.String
    b: pl.String


class ModelUnique(Numbers):
    """Declares a unique key in the model."""

    class Config:
        unique = "k"


def typed(dtype: Any) -> type[pa.DataFrameModel]:
    """Return a model of a text `k` and a value `v` of a type."""
    return type("Typed", (pa.DataFrameModel,), {"__annotations__": {"k": pl.String, "v": dtype}})


def times(*formats: str, **reading: Any) -> dict[str, Any]:
    return {"row": Times, "reading": Reading(dates={"at": formats}, **reading)}


def days(strptime: str, **reading: Any) -> dict[str, Any]:
    return {"row": Days, "reading": Reading(dates={"day": (strptime,)}, **reading)}


def delimited(delimiter: str, **reading: Any) -> dict[str, Any]:
    return {"row": Numbers, "reading": Reading(format=TextFormat(delimiter=delimiter), **reading)}


def imputed(whole: str) -> dict[str, Any]:
    reading = Reading(format=TextFormat(delimiter=";"), decimal_comma=True)
    return {"row": Measures, "reading": reading, "impute": {"v": Constant("1,5"), "w": Constant(whole)}}


class Refused(NamedTuple):
    """settings: of the contract. named: the texts that the message must have."""

    settings: dict[str, Any]
    named: list[str]


REFUSED = {
    "tz_name": Refused(times("%Y-%m-%d %H:%M:%S %Z"), ["at", "%Z", "time_zones"]),
    "frac_f": Refused(times("%Y-%m-%d %H:%M:%S.%f"), ["at", "%f", "%.f"]),
    "java_form": Refused(times("yyyy-MM-dd HH:mm"), ["at", "no directive", "%Y-%m-%d %H:%M"]),
    "century": Refused(days("%d-%m-%y"), ["day", "%y", "century_pivots"]),
    "two_marks": Refused(delimited("||"), ["'||' is no delimiter", "one ASCII character"]),
    "no_such_type": Refused({"row": typed(pl.UInt64)}, ["v", "UInt64", "pl.Decimal(20, 0)"]),
    "time_type": Refused({"row": typed(pl.Time)}, ["v", "Time", "pl.String"]),
    "zoned_type": Refused({"row": typed(pl.Datetime("us", "UTC"))}, ["v", "pl.Datetime('us'), which is UTC"]),
    "model_unique": Refused({"row": ModelUnique}, ["Config.unique", "unique=Unique(...)"]),
    "constant_comma": Refused(imputed("none"), ["impute w", "'none' is no Int64"]),
    "alias_twice": Refused(
        {"row": Pair, "reading": Reading(aliases={"a1": "a", "A1": "b", "b": "a"})}, ["aliases", "'A1'", "one name"]
    ),
    "part_time": Refused(
        {"row": typed(pl.Datetime("us")), "partition_by": (Partition("v"),)},
        ["v", "timestamp", "Partition('day', of='v', format='%Y-%m-%d')"],
    ),
}

BY_TEXT = contract(typed(pl.String), partition_by=(Partition("v"),))
CLIPPED = (Outliers("v", iqr=1.5, clip=True),)
UNFIT = ["v_is_a_partition_value"]

CASES = {
    "tz_name": Case(
        contract(**times("%Y-%m-%d %H:%M:%S", time_zones={"at": "Europe/Berlin"})),
        quarantined={row: ["at_is_a_timestamp"] for row in (1, 2, 3)},
        paths=[],
    ),
    "frac_f": Case(
        contract(**times("%Y-%m-%d %H:%M:%S%.f")),
        [(k, datetime(2025, 7, 1, 9, 0, 0, us)) for k, us in (("A", 250_000), ("B", 500_000), ("C", 1))],
    ),
    "java_form": Case(contract(**times("%Y-%m-%d %H:%M")), [("A", datetime(2025, 7, 1, 9))]),
    "century": Case(
        contract(**days("%d-%m-%y", century_pivots={"day": 2025})),
        [("A", date(1958, 7, 16)), ("B", date(1970, 7, 16)), ("C", date(2004, 7, 16))],
    ),
    "two_marks": Case(contract(**delimited("|", unknown_columns="ignore")), [("A", 1)]),
    "no_such_type": Case(contract(typed(pl.Decimal(20, 0))), [("A", Decimal(1))]),
    "time_type": Case(TEXTS, [("A", "09:30")]),
    "zoned_type": Case(contract(typed(pl.Datetime("us"))), [("A", datetime(2025, 7, 1, 9))]),
    "model_unique": Case(contract(Numbers, unique=Unique(("k",))), [("A", 2)], discarded={"duplicate": 1}),
    "constant_comma": Case(contract(**imputed("7")), [("A", 1.5, 7)]),
    "alias_twice": Case(contract(Pair, reading=Reading(aliases={"A1": "a", "x": "b"})), [("z", "y")]),
    "part_time": Case(
        contract(Moments, partition_by=(Partition("day", of="v", format="%Y-%m-%d"),)),
        [("A", datetime(2025, 7, 1, 9, 0, 0, 500_000), "2025-07-01")],
        paths=["day=2025-07-01"],
    ),
    "z_inside": Case(contract(**times("%a %b %d %H:%M:%S %z %Y")), [("A", datetime(2025, 7, 1, 7))]),
    "pg_offset": Case(
        contract(**times("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%z")),
        [
            ("A", datetime(2025, 7, 1, 7, 0, 0, 745_232)),
            ("B", datetime(2025, 7, 1, 9)),
            ("C", datetime(2025, 7, 1, 12, 30)),
        ],
    ),
    "two_digit_years": Case(
        contract(**days("%d/%m/%y", century_pivots={"day": 2030})),
        [("1", date(2024, 7, 22)), ("6", date(1969, 7, 22))],
        {row: ["day_is_a_date"] for row in (2, 3, 4, 5)},
    ),
    # Quartiles 3.5 and 7.5.
    "large_outlier": Case(
        contract(typed(pl.Float64), outliers=CLIPPED), [*((str(n), n + 0.5) for n in range(1, 9)), ("x", 13.5)]
    ),
    "limit_beyond": Case(
        contract(typed(pl.Int8), outliers=CLIPPED), [("A", -128), ("B", -128), ("C", 127), ("D", 127)]
    ),
    "tiny_median": Case(contract(Floats, impute={"v": "median"}), [("A", 2e-9), ("B", 4e-9), ("C", 6e-9), ("D", 4e-9)]),
    "part_default": Case(BY_TEXT, [("B", "fine")], {1: UNFIT}, paths=["v=fine"]),
    "part_long": Case(BY_TEXT, [("B", "fine")], {1: UNFIT}, paths=["v=fine"]),
    "part_bool": Case(
        contract(typed(pl.Boolean), partition_by=(Partition("v"),)),
        [("A", True), ("B", False)],
        paths=["v=false", "v=true"],
    ),
    "part_month": Case(
        contract(Months, partition_by=(Partition("month", of="d", format="%m"),)),
        [("A", date(2025, 3, 1), 3), ("B", date(2025, 11, 1), 11)],
        paths=["month=11", "month=3"],
    ),
}
