from itertools import chain
from pathlib import Path

import polars as pl

from sluice.spill import Spill

SCHEMA = {"n": pl.Int64(), "t": pl.String()}


def test_rows_come_back_in_their_order_from_files_and_from_memory(tmp_path: Path):
    spill = Spill(tmp_path, SCHEMA, held_bytes=200)
    for n in range(0, 22, 2):
        spill.append(pl.DataFrame({"n": [n, n + 1], "t": ["a text that has a buffer", "b"]}, schema=SCHEMA))
    files = list(tmp_path.glob("*.parquet"))
    parts = [rows.collect()["n"].to_list() for rows in spill.scans(rows=8)]
    assert 0 < pl.read_parquet(files).height < spill.rows == 22
    assert spill.scan().collect(engine="streaming")["n"].to_list() == list(range(22))
    assert list(chain(*parts)) == list(range(22))
    assert len(parts) == len(files) + 1 > 2


def test_nothing_put_aside_is_a_table_without_rows(tmp_path: Path):
    spill = Spill(tmp_path / "never", SCHEMA)
    spill.append(pl.DataFrame(schema=SCHEMA))
    assert dict(spill.scan().collect().schema) == SCHEMA
    assert [rows.collect().height for rows in spill.scans(10)] == []
