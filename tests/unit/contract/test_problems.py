"""Each declaration of a contract is used once when it is made; what cannot work is refused by name."""

from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from sluice.contract import (
    Constant,
    Contract,
    Discard,
    Fill,
    Lowercase,
    Outliers,
    Partition,
    Reading,
    TextFormat,
    Unique,
)
from sluice.errors import ContractInvalid


class Row(pa.DataFrameModel):
    id: pl.String
    size: pl.Int64 = pa.Field(ge=1, le=9, nullable=True)
    price: pl.Decimal(9, 2) = pa.Field(nullable=True)  # type: ignore[valid-type]
    total: pl.Decimal(38, 2) = pa.Field(nullable=True)  # type: ignore[valid-type]
    day: pl.Date = pa.Field(nullable=True)
    at: pl.Datetime("us") = pa.Field(nullable=True)  # type: ignore[valid-type]
    far: pl.Boolean = pa.Field(nullable=True)
    also: pl.Boolean = pa.Field(nullable=True)
    name: pl.String


class OneText(pa.DataFrameModel):
    id: pl.String = pa.Field(isin=("EUR",))
    size: pl.Int64 = pa.Field(notin=(3,))
    far: pl.Boolean


SOUND: dict[str, Any] = {"name": "rows", "version": 1, "row": Row, "files": ("rows/{shop}/{date:%Y-%m-%d}.csv",)}
FLAGGED = (Outliers("size", iqr=1.5, flag="far"),)


def reading(**options: Any) -> dict[str, Reading]:
    return {"reading": Reading(**options)}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Sales; DROP"}, "name must match"),
        ({"name": "sales_quarantine"}, "reserved for the tables and views"),
        ({"name": "sales_latest"}, "reserved for the tables and views"),
        ({"version": 0}, "version is a whole number from 1"),
        ({"row": OneText}, r"id: isin takes a list, such as isin=\['EUR'\]"),
        ({"files": ()}, "no file pattern"),
        ({"files": "rows/{f}.csv"}, r"files takes a tuple, such as \('rows/\{f\}.csv',\)"),
        ({"files": ("rows/{day:yyyy}.csv",)}, "'yyyy' is no format of a date"),
        ({"files": ("rows/{day:%Y/%m}.csv",)}, "'%Y/%m' is no format of a date"),
        ({"files": ("rows/{day.csv",)}, "dataset 'rows': .*brace that is not"),
        ({"files": ("rows/{identity}.csv",), "same_as_key": ("id",)}, "not every file pattern captures"),
        ({"files": ("rows/{id}.csv",), "same_as_key": ("id",), "personal": {"id": "keep"}},
         "id is personal, and the names of files"),
        ({"quarantine_limit": -0.1}, "share from 0 to 1"),
        ({"quarantine_limit": 20}, "share from 0 to 1"),
        (reading(format=TextFormat(delimiter="||")), r"'\|\|' is no delimiter"),
        (reading(format=TextFormat(delimiter="é")), "'é' is no delimiter"),
        (reading(format=TextFormat(quote="")), "'' is no quote"),
        (reading(format=TextFormat(quote=",")), "cannot be both the delimiter and the quote"),
        (reading(format=TextFormat(encoding="utf9")), "unknown encoding: utf9"),
        (reading(format=TextFormat(encoding="utf-16")), "neither UTF-8 nor a single-byte"),
        (reading(unknown_columns="drop"), "'drop' is none of reject, ignore, keep"),
        (reading(null_markers="na"), r"null_markers takes a tuple"),
        (reading(null_markers={"id": "na"}), r"null_markers of id takes a tuple, such as \('na',\)"),
        (reading(input_only=("id",)), "input_only: id is a column of the model"),
        (reading(input_only=("till", "till")), "input_only lists one text twice"),
        (reading(optional=("far",)), "optional names 'far', which no file has"),
        (reading(aliases={"Nr": "id", "nr": "size"}), "'Nr' and 'nr' are one name"),
        (reading(aliases={" nr": "id"}), "write 'nr' without blanks"),
        (reading(aliases={"": "id"}), "alias of 'id' is empty"),
        (reading(aliases={"Size": "id"}), "'Size' is a column of its own"),
        (reading(aliases={"outlier": "far"}), "aliases names 'far', which no file has"),
        (reading(dates={"day": "%Y-%m-%d"}), r"day needs a tuple of formats, such as \('%Y-%m-%d',\)"),
        (reading(dates={"day": ()}), "day needs a tuple of formats"),
        (reading(dates={"size": ("%Y",)}), "size is no Date or Datetime"),
        (reading(dates={"day": ("epoch",)}), r"the column must be a Datetime\('us'\)"),
        (reading(dates={"at": ("%Y-%m-%d %H.%M.%S.%f",)}), "%f is not read; write %.f"),
        (reading(time_zones={"day": "Europe/Berlin"}), "day is no Datetime"),
        (reading(time_zones={"at": "Europe/Berln"}), "no time zone 'Europe/Berln'"),
        (reading(time_zones={"at": "Europe/Berlin"}, dates={"at": ("epoch",)}), "a zone of its own"),
        (reading(century_pivots={"day": 2025}), "day has no format with %y"),
        (reading(century_pivots={"day": 25}, dates={"day": ("%d.%m.%y",)}), "25 is no year of four digits"),
        ({"unique": Unique(key="id")}, "unique: key takes a tuple"),
        ({"unique": Unique(key=("nope",))}, "'nope', which is no column"),
        ({"unique": Unique(key=("size",))}, "must not be nullable"),
        ({"unique": Unique(key=("id",), across_files=True), "personal": {"id": "drop"}}, "not in the table"),
        ({"unique": Unique(key=("far",))}, "unique names 'far', which no file has"),
        ({"unique": Unique(key=("till",)), **reading(input_only=("till",))}, "names 'till', which is not in the table"),
        ({"partition_by": (Partition("till"),), **reading(input_only=("till",))}, "'till', which is not in the table"),
        ({"partition_by": (Partition("size"),)}, "size must not be nullable"),
        ({"partition_by": (Partition("id"),), "personal": {"id": "keep"}}, "id is personal: its values would stand"),
        ({"partition_by": (Partition("name", of="id"),), "personal": {"id": "hash"}}, "id is personal: its values"),
        ({"partition_by": (Partition("name", of="id"),), "personal": {"name": "keep"}}, "name is personal: its values"),
        ({"discard": (Discard("duplicate", pl.col("id") == ""),)}, "and is not .duplicate."),
        ({"discard": (Discard("Test rows", pl.col("id") == ""),)}, "its name must match"),
        ({"discard": (Discard("none", pl.col("size").cast(pl.Int64) == 0),)}, "'none' cannot run on text"),
        ({"discard": (Discard("free", pl.col("cost") == "0"),)}, "'free' cannot run on text: unable to find .*cost"),
        ({"discard": (Discard("few", pl.col("size") < 3),)}, "'few' cannot run on text: cannot compare string"),
        ({"discard": (Discard("empty", pl.col("id")),)}, "'empty' must say true or false of a row, not String"),
        ({"discard": (Discard("any", pl.col(pl.String) == ""),)}, "true or false of a row, not Boolean, Boolean"),
        ({"discard": (Discard("all", pl.lit(value=True)),)}, "says one thing of all rows"),
        ({"cleaning": (Fill("size", "none"),)}, "Fill of size with 'none', which is no Int64"),
        ({"cleaning": (Lowercase("far"),)}, "cleaning names 'far', which no file has"),
        ({"outliers": (Outliers("size"),)}, "either iqr or z_score"),
        ({"outliers": (Outliers("id", iqr=1.5),)}, "not a number"),
        ({"outliers": (Outliers("size", iqr=1.5, flag="id"),)}, "not a Boolean column"),
        ({"outliers": (Outliers("size", iqr=-1, flag="far"),)}, "-1 is no distance"),
        ({"outliers": (Outliers("size", z_score=float("nan"), flag="far"),)}, "nan is no distance"),
        ({"outliers": (Outliers("size", iqr=1),)}, "say what becomes of them"),
        ({"outliers": (Outliers("total", iqr=1, flag="far"),)}, "Decimal of at most 18 digits"),
        ({"outliers": (*FLAGGED, Outliers("price", iqr=1, flag="far"))}, "two rules set one column"),
        ({"outliers": (Outliers("size", iqr=1, clip=True), Outliers("size", iqr=2, clip=True))}, "two rules set one"),
        ({"impute": {"id": "mean"}}, "only numbers have a mean"),
        ({"impute": {"total": "mean"}}, "only numbers have a mean, of a type whose statistics are exact"),
        ({"impute": {"size": "average"}}, "'average' is none of median, mean, mode, and no Constant"),
        ({"impute": {"id": "mode"}}, "id: it must be nullable"),
        ({"impute": {"size": Constant("none")}}, "'none' is no Int64"),
        ({"impute": {"size": Constant("10")}}, "'10' fails size_is_between_1_and_9"),
        ({"impute": {"price": Constant("1.5")}, **reading(decimal_comma=True)}, r"'1.5' is no Decimal"),
        ({"personal": {"size": "hash"}}, "only text columns"),
        ({"personal": {"id": "mask"}}, "'mask' is none of hash, drop, keep"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_work_is_refused_by_name(changes: dict[str, Any], problem: str):
    Contract(**SOUND, outliers=FLAGGED)
    with pytest.raises(ContractInvalid, match=problem):
        Contract(**{**SOUND, "outliers": FLAGGED, **changes})


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ((pl.UInt8, None), "no column can be a UInt8: write pl.Int64"),
        ((pl.Time, None), "no column can be a Time: write pl.String"),
        ((pl.Categorical, None), "no column can be a Categorical: write pl.String"),
        ((pl.Datetime("us", "UTC"), None), r"write pl.Datetime\('us'\), which is UTC"),
        ((pl.Datetime("ns"), None), "nanoseconds"),
        ((pl.Duration, None), "write String, Int8 to Int64"),
        ((pl.List(pl.Int64), None), "write String, Int8 to Int64"),
        ((pl.Int64, pa.Field(unique=True)), r"unique=Unique\(...\)"),
        ((pl.Int64, pa.Field(coerce=True)), "coerce: text is parsed"),
        ((pl.Int64, pa.Field(default=1)), "a cleaning step Fill"),
        ((pl.Int64, pa.Field(ge=1, raise_warning=True)), "it does not warn"),
        ((pl.String, pa.Field(isin=[])), "isin has an empty list"),
        ((pl.Int8, pa.Field(le=200)), "less_than_or_equal_to 200 can never fail: a Int8 is from -128 to 127"),
        ((pl.Int8, pa.Field(ge=200)), "no Int8 is at least 200"),
        ((pl.Decimal(4, 2), pa.Field(lt=100)), "can never fail"),
        ((pl.Int64, pa.Field(str_matches="^A")), "matches_pattern cannot run"),
    ],
)
def test_a_field_that_cannot_work_is_refused_by_name(field: tuple[Any, Any], problem: str):
    dtype, settings = field
    body = {"__annotations__": {"x": dtype}, **({"x": settings} if settings else {})}
    with pytest.raises(ContractInvalid, match=f"'rows': (x: |the check x_).*{problem}"):
        Contract(**{**SOUND, "row": type("Row", (pa.DataFrameModel,), body)})


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"unique": "id"}, "Config.unique"),
        ({"coerce": True}, "coerce"),
        ({"strict": "filter"}, "Config.strict"),
        ({"ordered": True}, "Config.ordered"),
        ({"add_missing_columns": True}, "Config.add_missing_columns"),
    ],
)
def test_a_setting_of_the_model_is_honoured_or_refused(setting: dict[str, Any], problem: str):
    row = type("Row", (Row,), {"Config": type("Config", (), setting)})
    with pytest.raises(ContractInvalid, match=problem):
        Contract(**{**SOUND, "row": row})
    strict = type("Row", (Row,), {"Config": type("Config", (), {"strict": True})})
    Contract(**{**SOUND, "row": strict})
