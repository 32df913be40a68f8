"""Contracts of any declarations, and files for them."""

from typing import Any

import pandera.polars as pa
import polars as pl
from hypothesis import reject
from hypothesis import strategies as st

from sluice.contract import Constant, Contract, Outliers, Partition, Reading, Unique
from sluice.errors import ContractInvalid

TYPES: list[Any] = [
    pl.String, pl.Boolean, pl.Int8, pl.Int64, pl.Float32, pl.Float64, pl.Decimal(4, 2), pl.Decimal(18, 9),
    pl.Decimal(38, 10), pl.Date, pl.Datetime("us"),
]  # fmt: skip
NO_TYPES: list[Any] = [pl.UInt8, pl.Datetime("ms"), pl.Datetime("ns"), pl.Time]
CELLS = [
    "", "a", "true", "no", "0", "-1", "127", "-128", "200", "9223372036854775807", "-9223372036854775808", "1.5",
    "4e-9", "1e308", "-1.7e308", "5e-324", "99.99", "999999999.999999999", "-9999999999999999999999999999.9999999999",
    "1,5", "2025-03-05", "1000-01-01", "9999-12-31", "05.03.25", "2025-03-30 02:30", "2025-10-26T02:30:00",
    "9999-12-31 23:59", "2025-07-01T09:00:00+02:00", "1720000000", "45722.5", "__HIVE_DEFAULT_PARTITION__", "x=y/%",
    "ü" * 50,
]  # fmt: skip
FORMATS = ["%Y-%m-%d", "%d.%m.%y", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z", "epoch", "excel", "%Y-%m-%d %Z", "yyyy"]
PARTS = [None, "%m", "%Y-%m", "%j", "%H", "%Y-%m-%dT%H:%M", "%f"]


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Raises ContractInvalid."""
    # Half of the contracts declare of a type only what there is of it: of the others few are accepted.
    fits = draw(st.booleans())
    dtype = draw(st.sampled_from(TYPES if fits else TYPES + NO_TYPES))
    has_dates, has_times, has_numbers = (
        not fits or of_type for of_type in (dtype.is_temporal(), dtype == pl.Datetime, dtype.is_numeric())
    )
    nullable = draw(st.booleans())
    body: dict[str, Any] = {
        "__annotations__": {"k": pl.String, "v": dtype},
        "v": pa.Field(nullable=nullable),
    }
    options: dict[str, Any] = {}
    if has_numbers and draw(st.booleans()):
        body["__annotations__"]["far"] = pl.Boolean
        limit = draw(st.sampled_from([0, 0.5, 1.5, -1]))
        kind = draw(st.sampled_from(["iqr", "z_score"]))
        options["outliers"] = (Outliers("v", **{kind: limit}, flag="far", clip=draw(st.booleans())),)
    if (nullable or not fits) and draw(st.booleans()):
        how = ["mean", "median", "mode", *(Constant(cell) for cell in CELLS)]
        options["impute"] = {"v": draw(st.sampled_from(how))}
    match draw(st.sampled_from(["none", "flag"] if fits and nullable else ["none", "flag", "own", "derived"])):
        case "own":
            options["partition_by"] = (Partition("v"),)
        case "flag":
            options["partition_by"] = (Partition("far"), Partition("k")) if "outliers" in options else ()
        case "derived":
            body["__annotations__"]["part"] = draw(st.sampled_from([pl.String, pl.Int8, pl.Int64, dtype]))
            options["partition_by"] = (Partition("part", of="v", format=draw(st.sampled_from(PARTS))),)
    formats = draw(st.lists(st.sampled_from(FORMATS), max_size=2 if has_dates else 0, unique=True))
    reading = Reading(
        null_markers=draw(st.sampled_from([("",), ("na",)])),
        dates={"v": tuple(formats)} if formats else {},
        century_pivots=draw(
            st.sampled_from([{"v": 2030}] if "%d.%m.%y" in formats else [{}] if fits else [{}, {"v": 2030}])
        ),
        time_zones=draw(st.sampled_from([{}, {"v": "Europe/Berlin"}] if has_times else [{}])),
        decimal_comma=draw(st.booleans()),
    )
    unique = Unique(("k",), latest="v") if draw(st.booleans()) else None
    return Contract(
        name="rows",
        version=1,
        row=type("Row", (pa.DataFrameModel,), body),
        files=("rows/{f}.csv",),
        reading=reading,
        unique=unique,
        quarantine_limit=1.0,
        **options,
    )


@st.composite
def accepted(draw: st.DrawFn) -> Contract:
    try:
        return draw(contracts())
    except ContractInvalid:
        reject()


def text_of(cells: list[str]) -> str:
    return "k,v\n" + "".join(f'k{number % 7},"{cell}"\n' for number, cell in enumerate(cells))
