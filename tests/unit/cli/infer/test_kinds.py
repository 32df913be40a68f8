"""The types, date formats and null markers that are inferred from values."""

from pathlib import Path

import polars as pl
import pytest

from tests.unit.cli.infer.inferring import column, inferred, table, written


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "-2", "+3"], pl.Int64()),
        (["1.0", "", "2.0"], pl.Int64()),
        (["1.0", "2.5"], pl.Float64()),
        (["1.5e-3", "7"], pl.Float64()),
        (["007", "12"], pl.String()),
        (["12345678901234567890", "1"], pl.String()),
        (["true", "FALSE"], pl.Boolean()),
        (["2024-02-29", "2024-03-01"], pl.Date()),
        (["31.12.2024", "1.2.2024"], pl.Date()),
        (["Feb 3 2024", "Dec 31 2023"], pl.Date()),
        (["2024-02-29T10:20:30Z", "2024-02-29 10:20"], pl.Datetime("us")),
        (["12/31/2024 11:59 PM", "1/2/2024 1:00 AM"], pl.Datetime("us")),
        (["$3.50", "$4.00"], pl.String()),
        (["1,234", "5,678,901"], pl.String()),
        (["20240131", "20241231"], pl.Int64()),
    ],
)
def test_the_type_is_the_one_that_reads_every_value(tmp_path: Path, values: list[str], dtype: pl.DataType):
    assert inferred(tmp_path, column(values)).types["reading"] == dtype


@pytest.mark.parametrize(
    ("name", "values", "dtype"),
    [
        ("sale_date", ["20240131", "20241231"], pl.Date()),
        ("price", ["1", "2.5"], pl.Decimal(12, 2)),
        ("depth", ["1", "2.5"], pl.Float64()),
    ],
)
def test_the_name_decides_where_values_cannot(tmp_path: Path, name: str, values: list[str], dtype: pl.DataType):
    assert inferred(tmp_path, column(values, name)).types[name] == dtype


def test_dates_in_several_formats_are_all_read_and_what_is_ambiguous_is_asked(tmp_path: Path):
    contract = inferred(tmp_path, column(["2024-01-02", "03/04/2024", "5 Jan 2024"], "day"))
    assert set(contract.reading.dates["day"]) == {"%Y-%m-%d", "%m/%d/%Y", "%d %b %Y"}
    assert "all that reads as %m/%d/%Y reads as %d/%m/%Y, too" in written(tmp_path)


def test_a_day_above_twelve_decides_which_comes_first(tmp_path: Path):
    contract = inferred(tmp_path, column(["01/02/2024", "13/02/2024"], "day"))
    assert contract.reading.dates["day"] == ("%d/%m/%Y",)
    assert "Which is it?" not in written(tmp_path)


def test_an_offset_of_hours_is_a_timestamp(tmp_path: Path):
    contract = inferred(tmp_path, column(["2025-03-05 10:00:00.123456+00", "2025-03-05 10:00:01.1+02"], "updated_at"))
    assert contract.types["updated_at"] == pl.Datetime("us")


def test_decimal_commas_are_read(tmp_path: Path):
    contract = inferred(tmp_path, column(["1,5", "2,25"], "depth"))
    assert contract.reading.decimal_comma
    assert contract.types["depth"] == pl.Float64()


def test_na_is_a_null_marker_among_numbers_and_a_value_among_texts(tmp_path: Path):
    numbers = inferred(tmp_path, column(["1", "NA", "3"]))
    assert numbers.reading.null_markers == ("", "na")
    assert numbers.row_schema.columns["reading"].nullable
    other = tmp_path / "other"
    other.mkdir()
    texts = inferred(other, column(["FR", "NA", "DE"]))
    assert texts.reading.null_markers == ("",)
    assert "'na' is no null marker here" in written(other)


def test_a_few_values_that_are_no_number_are_reported_as_quarantined(tmp_path: Path):
    rows = [f"K{number};{number}" for number in range(99)]
    contract = inferred(tmp_path, table("id;amount", *rows, "K99;much"))
    assert contract.types["amount"].is_numeric()
    assert "1 values are no number, such as 'much'" in written(tmp_path)


@pytest.mark.parametrize(
    ("values", "question"),
    [
        (["+491701234500", "+491701234501"], "a plus in front"),
        (["007", "012"], "zeros in front"),
        (["12345678901234501", "1.23457E+16", "12345678901234505"], "as 1.23457E+16"),
        (["82544000000000707.52", "1.5"], "a float holds 15 to 17"),
        (["1234567890123456789012", "1"], "more digits than a number holds"),
        (["2.9.1", "4.4.6"], ""),
        (["1,234", "5,678,901"], "group marks"),
        (["(1.50)", "2.50"], "parentheses"),
        (["12%", "7 %"], "percentages"),
        (["01/02/99", "13/02/98"], "century_pivots"),
    ],
)
def test_what_a_type_would_lose_stays_text_and_is_asked_about(tmp_path: Path, values: list[str], question: str):
    contract = inferred(tmp_path, column(values))
    assert contract.types["reading"] == pl.String()
    assert question in " ".join(written(tmp_path).replace("#", " ").split())


@pytest.mark.parametrize(
    ("name", "values", "question"),
    [
        ("last", ["Name", "Null"], "'null' also stands as a text in last"),
        ("city", ["Nan", "Phrae"], "'nan' also stands as a text in city"),
        ("created", ["1751360400", "1751360401"], "seconds or milliseconds since 1970?"),
        ("level", ["1.1", "1.10", "1.2"], "some texts are one number"),
        ("day", ["01/02/2024", "03/04/2024"], "Which is it?"),
    ],
)
def test_what_could_mean_something_else_is_asked_about(tmp_path: Path, name: str, values: list[str], question: str):
    inferred(tmp_path, column(values, name))
    assert question in " ".join(written(tmp_path).replace("#", " ").split())
