"""Profiles of columns, compared with their rows."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from datasets.sales import contract
from sluice.manifest import StagedFile
from sluice.report import column_profile


def described(folder: Path, rows: dict[str, pl.Series], **more: object) -> dict[str, column_profile.Column]:
    pl.DataFrame(rows).write_parquet(folder / "a.parquet")
    return {column.name: column for column in column_profile.describe(contract, [folder / "a.parquet"], **more)}


def test_every_present_value_of_a_number_is_in_one_bar_or_beyond(tmp_path: Path):
    prices = [float(number) for number in range(1, 101)] + [9_999.0, None]
    found = described(tmp_path, {"unit_price": pl.Series(prices).cast(pl.Decimal(12, 2))})["unit_price"]
    assert sum(bar.rows for bar in found.bars) + found.below + found.above == 101
    assert (found.rows, found.nulls, found.distinct, found.below, found.above) == (102, 1, 101, 0, 1)
    assert (found.low, found.median, found.high) == ("1.00", "51.00", "9,999.00")


def test_a_bar_of_whole_numbers_says_which_it_holds(tmp_path: Path):
    found = described(tmp_path, {"quantity": pl.Series([1, 1, 2, 4])})["quantity"]
    assert [(bar.low, bar.high, bar.rows) for bar in found.bars] == [
        ("1", "1", 2),
        ("2", "2", 1),
        ("3", "3", 0),
        ("4", "4", 1),
    ]


def test_outliers_are_those_that_the_flag_says_and_the_usual_range_is_drawn(tmp_path: Path):
    rows = {"quantity": pl.Series([1, 2, 3, 5]), "quantity_is_outlier": pl.Series([False, False, False, True])}
    limits = {"quantity": {"lowest_usual": "-1", "highest_usual": "3"}}
    found = described(tmp_path, rows, statistics=limits)["quantity"]
    assert found.outliers == 1
    assert found.usual == column_profile.Usual("-1", "3", 0.0, pytest.approx(0.4))
    assert "quantity_is_outlier" not in described(tmp_path, rows)


def test_categories_are_ranked_and_names_are_not_shown(tmp_path: Path):
    channels = [name for name, times in (("a", 5), ("b", 4), ("c", 3)) for _ in range(times)] + list("defghi")
    found = described(tmp_path, {"channel": pl.Series(channels), "product_id": pl.Series([f"P{n}" for n in range(18)])})
    assert [(bar.high, bar.rows) for bar in found["channel"].bars][:3] == [("a", 5), ("b", 4), ("c", 3)]
    assert (found["channel"].bars[-1].high, found["channel"].bars[-1].rows) == ("3 others", 3)
    many = described(tmp_path, {"product_id": pl.Series([f"P{number}" for number in range(1_001)])})["product_id"]
    assert (many.distinct, many.bars) == (1_001, [])


def test_dates_are_shown_as_dates(tmp_path: Path):
    days = pl.date_range(pl.date(2025, 3, 1), pl.date(2025, 3, 31), eager=True)
    found = described(tmp_path, {"sale_date": days})["sale_date"]
    assert (found.low, found.median, found.high) == ("2025-03-01", "2025-03-16", "2025-03-31")
    assert sum(bar.rows for bar in found.bars) == 31
    assert (found.bars[0].low, found.bars[0].high) == ("2025-03-01", "2025-03-02")


def test_no_value_of_a_personal_column_is_shown(tmp_path: Path):
    rows = {"customer_age": pl.Series([20, 30, None]), "channel": pl.Series(["online", "mobile", None])}
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    personal = replace(contract, personal={"customer_age": "keep", "channel": "hash"})
    for column in column_profile.describe(personal, [tmp_path / "a.parquet"]):
        assert column == column_profile.Column(column.name, "personal", rows=3, nulls=1, distinct=2)


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_without_a_value_has_no_bars(tmp_path: Path, values: list[None]):
    found = described(
        tmp_path, {"quantity": pl.Series(values, dtype=pl.Int64), "channel": pl.Series(values, dtype=pl.String)}
    )
    assert all(column.bars == [] and column.nulls == len(values) for column in found.values())


def test_files_are_chosen_within_the_bounds_and_spread(tmp_path: Path):
    files = [StagedFile(f"{number}", 100, 1_000) for number in range(10)]
    assert column_profile.choose(files) == files
    assert [file.path for file in column_profile.choose(files, rows=500)] == ["0", "2", "4", "6", "8"]
    assert [file.path for file in column_profile.choose(files, size=3_500)] == ["0", "2", "5"]
    assert column_profile.choose(files, rows=99) == []
    assert column_profile.choose([]) == []


def test_columns_of_the_key_and_numbers_that_hardly_repeat_are_identifiers(tmp_path: Path):
    numbers = pl.Series(range(100))
    rows = {"transaction_id": pl.Series(["a", "b"] * 50), "quantity": numbers, "customer_age": numbers // 2}
    found = described(tmp_path, {**rows, "unit_price": numbers.cast(pl.Decimal(12, 2))})
    assert [name for name, column in found.items() if column.identifier] == ["transaction_id", "quantity"]
