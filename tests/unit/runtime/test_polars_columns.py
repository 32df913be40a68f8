import polars as pl

from sluice.runtime.polars_columns import row_indices, select_column, unmatched


def test_one_column_of_a_series_keeps_its_name():
    cells = pl.Series("cell", ["1", "two", None])
    number = select_column(cells, pl.first().cast(pl.Int64, strict=False))
    assert number.equals(pl.Series("cell", [1, None, None]), check_names=True, null_equal=True)


def test_unmatched_are_the_cells_that_have_a_value_for_which_none_was_found():
    cells = pl.Series("cell", ["1", "two", None, "", "5"])
    found = pl.Series("cell", [1, None, None, None, 5])
    assert unmatched(cells, found).equals(pl.Series([1, 3], dtype=pl.UInt32))
    assert unmatched(found, found).is_empty()


def test_row_indices_are_those_of_true():
    condition = pl.Series("condition", [True, None, False, True])
    assert row_indices(condition).equals(pl.Series([0, 3], dtype=pl.UInt32))
    assert row_indices(condition.clear()).equals(pl.Series([], dtype=pl.UInt32))
