from itertools import chain
from pathlib import Path

import polars as pl

from sluice.engines.spill import Spill

SCHEMA = {"n": pl.Int64(), "t": pl.String()}


def pairs(rows: int) -> list[pl.DataFrame]:
    return [
        pl.DataFrame({"n": [n, n + 1], "t": ["a text that has a buffer", "b"]}, schema=SCHEMA)
        for n in range(0, rows, 2)
    ]


def test_rows_come_back_in_their_order_from_files_and_from_memory(tmp_path: Path):
    spill = Spill(tmp_path, SCHEMA, held_bytes=600, file_bytes=230)
    for pair in pairs(36):
        spill.append(pair)
    files = [pl.read_parquet(file)["n"].to_list() for file in sorted(tmp_path.glob("*.parquet"))]
    assert files == [list(range(n, n + 6)) for n in (0, 6, 12, 18, 24)]  # six rows are left
    parts = [rows.collect()["n"].to_list() for rows in spill.scans(rows=13)]
    assert [len(part) for part in parts] == [6, 6, 6, 6, 6, 6]
    assert list(chain(*parts)) == list(range(36))
    assert spill.scan().collect(engine="streaming")["n"].to_list() == list(range(36))


def test_rows_in_memory_come_back_in_parts(tmp_path: Path):
    spill = Spill(tmp_path, SCHEMA)
    for pair in pairs(36):
        spill.append(pair)
    parts = [rows.collect()["n"].to_list() for rows in spill.scans(rows=8)]
    assert [len(part) for part in parts] == [8, 8, 8, 8, 4]
    assert list(chain(*parts)) == list(range(36))


def test_a_text_counts_with_its_place_in_the_column(tmp_path: Path):
    spill = Spill(tmp_path, SCHEMA)
    spill.append(pl.DataFrame({"n": [1, 2], "t": ["b", None]}, schema=SCHEMA))
    assert 24 <= spill.row_bytes <= 26


def test_a_small_file_never_touches_the_disk(tmp_path: Path):
    spill = Spill(tmp_path / "never", SCHEMA)
    for pair in pairs(2_000):
        spill.append(pair)
    assert spill.scan().collect().height == 2_000
    assert not (tmp_path / "never").exists()


def test_nothing_put_aside_is_a_table_without_rows(tmp_path: Path):
    spill = Spill(tmp_path / "never", SCHEMA)
    spill.append(pl.DataFrame(schema=SCHEMA))
    assert dict(spill.scan().collect().schema) == SCHEMA
    assert [rows.collect().height for rows in spill.scans(10)] == []
