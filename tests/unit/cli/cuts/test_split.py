"""The rule by which rows are for training, for the test, or left out."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cuts.split import KeyUnknown, NoTimeColumn, Split, known_key, time_column

FIRST = datetime(2025, 1, 1)
TIMES = st.one_of(st.none(), st.integers(0, 20).map(lambda day: FIRST + timedelta(days=day)))
ROWS = st.lists(st.tuples(TIMES, st.one_of(st.none(), st.sampled_from("abc"))), min_size=8, max_size=30)


def parts(split: Split, rows: list[tuple[Any, ...]]) -> list[str]:
    """The part of each row of (time, key)."""
    schema = {"number": pl.Int64, "sold_at": pl.Datetime("us"), "shop": pl.String}
    frame = pl.DataFrame([(number, *row) for number, row in enumerate(rows)], schema=schema, orient="row")
    with duckdb.connect() as connection:
        connection.register("sales", frame.to_arrow())
        query = f"SELECT {split.part('sales')} FROM sales ORDER BY number"  # noqa: S608
        return [part for (part,) in connection.execute(query).fetchall()]


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def utc(number: int) -> datetime:
    return day(number).replace(tzinfo=UTC)


@given(ROWS, st.integers(5, 15), st.integers(0, 4), st.integers(0, 8), st.booleans())
def test_each_row_is_in_one_part_and_no_time_or_key_leaks(
    rows: list[tuple[Any, ...]], until: int, between: int, gap: int, with_key: bool
):
    split = Split("sold_at", utc(until), utc(until + between), timedelta(days=gap), "shop" if with_key else None)
    found = parts(split, rows)
    by_part: dict[str, list[tuple[Any, ...]]] = {part: [] for part in found} | {"train": [], "test": []}
    for part, row in zip(found, rows, strict=True):
        by_part[part].append(row)
    assert set(by_part) <= {"train", "test", "gap", "time_missing", "key_missing", "key_in_train"}
    assert sum(Counter(found).values()) == len(rows)
    train, test = by_part["train"], by_part["test"]
    assert all(time < day(until) for time, _ in train)
    assert all(time >= day(until + between) for time, _ in test)
    if train and test:
        assert min(time for time, _ in test) - max(time for time, _ in train) > timedelta(days=gap)
    if with_key:
        assert {key for _, key in train}.isdisjoint({key for _, key in test})
        assert None not in {key for _, key in train + test}
        # A row of the test's time is left out only for its key.
        keys = {key for _, key in train}
        late = [row for row in rows if row[0] is not None and row[0] >= day(until + between) and row[1] is not None]
        assert test == [row for row in late if row[1] not in keys]


def test_the_gap_is_taken_from_the_end_of_training_and_a_wider_one_between_the_times_stays():
    rows = [(day(number), "a") for number in (0, 2, 3, 9, 10)]
    assert parts(Split("sold_at", utc(10), utc(10), timedelta(days=7)), rows) == [
        "train",
        "train",
        "gap",
        "gap",
        "test",
    ]
    assert parts(Split("sold_at", utc(3), utc(10), timedelta(days=2)), rows) == ["train", "train", "gap", "gap", "test"]


def test_a_key_with_a_training_row_has_no_test_row():
    rows = [(day(1), "old"), (day(8), "old"), (day(8), "new"), (day(9), None), (None, "old")]
    found = parts(Split("sold_at", utc(5), utc(7), key="shop"), rows)
    assert found == ["train", "key_in_train", "test", "key_missing", "time_missing"]


def test_the_test_does_not_begin_before_training_ends():
    with pytest.raises(ValueError, match="before training ends"):
        Split("sold_at", utc(2), utc(1))


def test_the_column_of_the_time_is_the_only_one_or_named():
    one, two = {"item": "string", "sold_on": "date"}, {"sold_on": "date", "paid_at": "timestamp"}
    assert time_column(one, None) == "sold_on"
    assert time_column(two, "paid_at") == "paid_at"
    with pytest.raises(NoTimeColumn, match=r"sold_on, paid_at. Name one with --time"):
        time_column(two, None)
    with pytest.raises(NoTimeColumn, match="item is not one of them"):
        time_column(one, "item")
    with pytest.raises(NoTimeColumn, match="none"):
        time_column({"item": "string"}, None)


def test_a_key_is_a_column():
    assert known_key({"item": "string"}, None) is None
    with pytest.raises(KeyUnknown, match="one of: item"):
        known_key({"item": "string"}, "household")
