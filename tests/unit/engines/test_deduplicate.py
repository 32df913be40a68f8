from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract.declarations import Unique
from sluice.engines import deduplicate
from sluice.engines.spill import Spill

SCHEMA: dict[str, pl.DataType] = {"id": pl.String(), "at": pl.Int64(), "_row_number": pl.Int64()}
NEWEST = Unique(key=("id",), latest="at")


def lost(rule: Unique, rows: list[tuple[str, int | None]], folder: Path, held_bytes: int = 1 << 20) -> list[int]:
    frame = pl.DataFrame(
        [(key, at, number) for number, (key, at) in enumerate(rows, start=1)], schema=SCHEMA, orient="row"
    )
    spill = Spill(folder, SCHEMA | {deduplicate.KEY_HASH: pl.UInt64()}, held_bytes, held_bytes)
    for start in range(0, frame.height, 3):
        spill.append(deduplicate.with_key_hash(rule, frame[start : start + 3]))
    return sorted(number for found in deduplicate.superseded_rows(rule, spill) for number in found)


def test_the_latest_wins_then_the_highest_row_number(tmp_path: Path):
    rows = [("a", 1), ("a", 3), ("b", 2), ("a", 3), ("b", None), ("c", None), ("c", None)]
    assert lost(NEWEST, rows, tmp_path) == [1, 2, 5, 6]


def test_without_a_latest_column_the_last_row_wins(tmp_path: Path):
    assert lost(Unique(key=("id",)), [("a", 9), ("b", 1), ("a", 1)], tmp_path) == [1]


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from("abcdefg"), st.none() | st.integers(0, 3)), max_size=40))
def test_buckets_and_spilling_change_nothing(
    rows: list[tuple[str, int | None]], tmp_path_factory: pytest.TempPathFactory
):
    best: dict[str, tuple[int, int]] = {}
    for number, (key, at) in enumerate(rows, start=1):
        best[key] = max(best.get(key, (-2, 0)), (-1 if at is None else at, number))
    winners = {number for _, number in best.values()}
    expected = [number for number in range(1, len(rows) + 1) if number not in winners]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deduplicate, "HASHES", 9)
        patch.setattr(deduplicate, "BUCKET_ROWS", 3)
        assert lost(NEWEST, rows, tmp_path_factory.mktemp("spill"), held_bytes=1) == expected
