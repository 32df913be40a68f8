import threading

import polars as pl

from sluice.runtime.polars_threads import row_indices, select_single_threaded, single_threaded_column, unmatched


def seen_by(threads: set[int]) -> pl.Expr:
    """An expression of two columns, each of which notes the thread that works it out."""

    def note(cells: pl.Series) -> pl.Series:
        threads.add(threading.get_ident())
        return cells

    columns = [pl.col(name).map_batches(note, return_dtype=pl.String) for name in ("a", "b")]
    return pl.concat_str(columns).alias("both")


def test_the_thread_that_asks_works_alone():
    frame = pl.DataFrame({"a": ["x"] * 1_000, "b": ["y"] * 1_000})
    threads: set[int] = set()
    assert single_threaded_column(frame, seen_by(threads)).equals(pl.Series("both", ["xy"] * 1_000), check_names=True)
    assert select_single_threaded(frame, seen_by(threads)).equals(pl.DataFrame({"both": ["xy"] * 1_000}))
    assert threads == {threading.get_ident()}


def test_nothing_is_returned_that_was_not_asked_for():
    frame = pl.DataFrame({"a": [" x", None], "b": ["y ", ""]})
    trimmed = pl.DataFrame({"a": ["x", None], "b": ["y", ""]})
    assert select_single_threaded(frame, pl.all().str.strip_chars()).equals(trimmed)
    assert select_single_threaded(frame.clear(), pl.col("b")).equals(frame.clear().select("b"))


def test_one_column_of_a_series_keeps_its_name():
    cells = pl.Series("cell", ["1", "two", None])
    number = single_threaded_column(cells, pl.first().cast(pl.Int64, strict=False))
    assert number.equals(pl.Series("cell", [1, None, None]), check_names=True, null_equal=True)


def test_unfound_are_the_cells_that_hold_something_of_which_nothing_was_found():
    cells = pl.Series("cell", ["1", "two", None, "", "5"])
    found = pl.Series("cell", [1, None, None, None, 5])
    assert unmatched(cells, found).equals(pl.Series([1, 3], dtype=pl.UInt32))
    assert unmatched(found, found).is_empty()


def test_places_of_what_is_true():
    told = pl.Series("told", [True, None, False, True])
    assert row_indices(told).equals(pl.Series([0, 3], dtype=pl.UInt32))
    assert row_indices(told.clear()).equals(pl.Series([], dtype=pl.UInt32))
