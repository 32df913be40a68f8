from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.clean.unparsed import unparsed_reasons
from sluice.contract.values import TIMESTAMPS, parse

PRICE = pl.Decimal(12, 2)


def parsed(cells: list[str | None], dtype: pl.DataType, formats: tuple[str, ...] = ()) -> list[object]:
    return parse(pl.Series("cell", cells, dtype=pl.String), dtype, formats).to_list()


def test_whole_numbers_may_end_in_point_zero_and_nothing_else():
    cells = ["5", "+5", "-3", "007", "5.0", "5.", "5.5", "five", "1e3", "", "1_0", None]
    assert parsed(cells, pl.Int64()) == [5, 5, -3, 7, 5, 5, None, None, None, None, None, None]


def test_decimals_are_rounded_half_away_from_zero():
    cells = ["1.005", "-1.005", "2.675", "1.004999999", "0.0049999", "1e-2", "1.5e1", "0.125"]
    expected = ["1.01", "-1.01", "2.68", "1.00", "0.00", "0.01", "15.00", "0.13"]
    assert parsed(cells, PRICE) == [Decimal(cell) for cell in expected]


def test_decimals_that_do_not_fit_are_distinguished_from_text_that_is_no_number():
    text = pl.Series("unit_price", ["9999999999.99", "9999999999.995", "12345678901", "abc", "inf", None])
    value = parse(text, PRICE)
    assert value.to_list() == [Decimal("9999999999.99"), None, None, None, None, None]
    indices = pl.Series([1, 2, 3, 4], dtype=pl.UInt32)
    found = unparsed_reasons("unit_price", PRICE, indices, text[indices])
    reasons = {name: cells.to_list() for name, cells in found.items()}
    assert reasons == {
        "unit_price_is_a_number": [3, 4],
        "unit_price_fits_decimal_12_2": [1, 2],
    }


@given(st.lists(st.from_regex(r"[+-]?[0-9]{1,9}(\.[0-9]{1,6})?([eE][+-]?[0-3])?", fullmatch=True), min_size=1))
def test_every_number_text_is_the_decimal_that_python_says(cells: list[str]):
    exact = [Decimal(cell).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) for cell in cells]
    assert parsed(list(cells), PRICE) == [value if abs(value) < 10**10 else None for value in exact]


@given(st.lists(st.text(max_size=8)))
def test_no_text_makes_a_parser_fail(cells: list[str]):
    for dtype in (PRICE, pl.Int64(), pl.Float64(), pl.Date(), pl.Datetime("us"), pl.Boolean()):
        assert len(parsed(list(cells), dtype)) == len(cells)


def test_dates_have_four_digit_years_and_exist():
    formats = ("%Y-%m-%d", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%Y-%m-%dT%H:%M:%S")
    day = date(2025, 3, 5)
    cells = ["2025-03-05", "05-03-2025", "20250305", "05 Mar 2025", "2025-03-05T10:11:12", "2025-3-5"]
    assert parsed(cells, pl.Date(), formats) == [day] * 6
    wrong = ["25-3-5", "2025-02-30", "2025035", "12025-03-05", "yesterday", "2025-03-05 x", "5-3- 2025", "5Mar2025"]
    assert parsed(wrong, pl.Date(), formats) == [None] * 8


@pytest.mark.parametrize("few_cells", [0, 3, 8_192])
def test_forms_are_told_apart_however_many_cells_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch, few_cells: int):
    monkeypatch.setattr("sluice.contract.values._FEW_CELLS", few_cells)
    formats = ("%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d %b %Y")
    cells = ["1 Mar 2025", "soon", "03/04/2025", None, "2025-02-30", "23/04/2025", "2025-01-02", "31/02/2025"]
    assert parsed(cells, pl.Date(), formats) == [
        date(2025, 3, 1), None, date(2025, 3, 4), None, None, date(2025, 4, 23), date(2025, 1, 2), None
    ]  # fmt: skip
    cells = ["2025-03-05", "no", "2025-03-05T10:11:12Z", None, "2025-03-05 10:11", "2025-03-05T10:11:12"]
    noon = datetime(2025, 3, 5, 10, 11)
    expected = [datetime(2025, 3, 5), None, noon.replace(second=12), None, noon, noon.replace(second=12)]
    assert parsed(cells, pl.Datetime("us")) == expected


def test_the_first_form_that_fits_decides():
    assert parsed(["03/04/2025"], pl.Date(), ("%m/%d/%Y", "%d/%m/%Y")) == [date(2025, 3, 4)]
    assert parsed(["23/04/2025"], pl.Date(), ("%m/%d/%Y", "%d/%m/%Y")) == [date(2025, 4, 23)]


def test_few_distinct_dates_among_many_rows_keep_their_rows():
    cells = ["2025-01-01", "bad", None, "2025-01-02"] * 50
    assert parsed(cells, pl.Date()) == [date(2025, 1, 1), None, None, date(2025, 1, 2)] * 50


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-03-05T10:11:12", datetime(2025, 3, 5, 10, 11, 12)),
        ("2025-03-05 10:11", datetime(2025, 3, 5, 10, 11)),
        ("2025-03-05", datetime(2025, 3, 5)),
        ("2025-03-05T10:11:12.5Z", datetime(2025, 3, 5, 10, 11, 12, 500_000)),
        ("2025-03-05T10:11:12+02:00", datetime(2025, 3, 5, 8, 11, 12)),
        ("2025-03-05 10:11Z", datetime(2025, 3, 5, 10, 11)),
        ("2025-03-05T10:11+01:00", datetime(2025, 3, 5, 9, 11)),
        ("10:11", None),
        ("2025-03-0510:11", None),
        ("2025-03-05  10:11", None),
        ("2025-03-05T10:1", None),
        ("2025-03-05T10:11:60", None),
    ],
)
def test_timestamps_are_iso_8601_in_utc(text: str, value: datetime | None):
    assert parsed([text, None, text], pl.Datetime("us")) == [value, None, value]


def test_truths_are_a_few_words():
    assert parsed(["TRUE", "n", "0", "maybe", None], pl.Boolean()) == [True, False, False, None, None]


def test_floats_are_finite():
    assert parsed(["1.5", "inf", "x"], pl.Float64()) == [1.5, None, None]


MOMENT = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))


@given(MOMENT, st.sampled_from("T "), st.sampled_from(["", ".5", ".123456"]), st.sampled_from(["", "Z", "+01:30"]))
def test_iso_formats_that_parse_the_same_text_agree(moment: datetime, between: str, fraction: str, zone: str):
    for written in (f"%Y-%m-%d{between}%H:%M:%S", f"%Y-%m-%d{between}%H:%M", "%Y-%m-%d"):
        cell = moment.strftime(written) + (fraction if written.endswith("S") else "") + (zone if "H" in written else "")
        values = {parsed([cell], pl.Datetime("us"), (one,))[0] for one in TIMESTAMPS} - {None}
        assert len(values) <= 1
        assert parsed([cell] * 65, pl.Datetime("us")) == (list(values) or [None]) * 65
