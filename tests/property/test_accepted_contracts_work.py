"""A contract of any declarations either is refused, or cleans any file: each row is accounted for, and the partitions
of path and manifest are one text.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandera.polars as pa
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract import Constant, Contract, Outliers, Partition, Reading, Unique
from sluice.contract.partitions import partition_path
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.errors import ContractInvalid, FileRejected
from sluice.manifest import Manifest
from sluice.read.source import FileSource

TYPES: list[Any] = [
    pl.String, pl.Boolean, pl.Int8, pl.Int64, pl.UInt8, pl.Float32, pl.Float64, pl.Decimal(4, 2), pl.Decimal(18, 9),
    pl.Decimal(38, 10), pl.Date, pl.Datetime("us"), pl.Datetime("ms"), pl.Datetime("ns"), pl.Time,
]  # fmt: skip
CELLS = [
    "", "a", "true", "no", "0", "-1", "127", "-128", "200", "9223372036854775807", "-9223372036854775808", "1.5",
    "4e-9", "1e308", "-1.7e308", "5e-324", "99.99", "999999999.999999999", "-9999999999999999999999999999.9999999999",
    "1,5", "2025-03-05", "1000-01-01", "9999-12-31", "05.03.25", "2025-03-30 02:30", "2025-10-26T02:30:00",
    "9999-12-31 23:59", "2025-07-01T09:00:00+02:00", "1720000000", "45722.5", "__HIVE_DEFAULT_PARTITION__", "x=y/%",
    "ü" * 50,
]  # fmt: skip
FORMATS = ["%Y-%m-%d", "%d.%m.%y", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z", "epoch", "excel", "%Y-%m-%d %Z", "yyyy"]
PARTS = [None, "%m", "%Y-%m", "%j", "%H", "%Y-%m-%dT%H:%M", "%f"]


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Raises ContractInvalid."""
    dtype = draw(st.sampled_from(TYPES))
    body: dict[str, Any] = {
        "__annotations__": {"k": pl.String, "v": dtype},
        "v": pa.Field(nullable=draw(st.booleans())),
    }
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        body["__annotations__"]["far"] = pl.Boolean
        limit = draw(st.sampled_from([0, 0.5, 1.5, -1]))
        kind = draw(st.sampled_from(["iqr", "z_score"]))
        options["outliers"] = (Outliers("v", **{kind: limit}, flag="far", clip=draw(st.booleans())),)
    if draw(st.booleans()):
        how = ["mean", "median", "mode", *(Constant(cell) for cell in CELLS)]
        options["impute"] = {"v": draw(st.sampled_from(how))}
    match draw(st.sampled_from(["none", "own", "derived", "flag"])):
        case "own":
            options["partition_by"] = (Partition("v"),)
        case "flag":
            options["partition_by"] = (Partition("far"), Partition("k")) if "outliers" in options else ()
        case "derived":
            body["__annotations__"]["part"] = draw(st.sampled_from([pl.String, pl.Int8, pl.Int64, dtype]))
            options["partition_by"] = (Partition("part", of="v", format=draw(st.sampled_from(PARTS))),)
    formats = draw(st.lists(st.sampled_from(FORMATS), max_size=2, unique=True))
    reading = Reading(
        null_markers=draw(st.sampled_from([("",), ("na",)])),
        dates={"v": tuple(formats)} if formats else {},
        century_pivots=draw(st.sampled_from([{}, {"v": 2030}])),
        time_zones=draw(st.sampled_from([{}, {"v": "Europe/Berlin"}])),
        decimal_comma=draw(st.booleans()),
    )
    unique = Unique(("k",), latest="v") if draw(st.booleans()) else None
    return Contract(
        name="rows",
        version=1,
        row=type("Row", (pa.DataFrameModel,), body),
        files=("rows/{f}.csv",),
        reading=reading,
        unique=unique,
        quarantine_limit=1.0,
        **options,
    )


def accepted() -> st.SearchStrategy[Contract | None]:
    @st.composite
    def made(draw: st.DrawFn) -> Contract | None:
        try:
            return draw(contracts())
        except ContractInvalid:
            return None

    return made()


def text_of(cells: list[str]) -> str:
    return "k,v\n" + "".join(f'k{number % 7},"{cell}"\n' for number, cell in enumerate(cells))


def published_paths(manifest: Manifest, out: Path) -> Iterator[str]:
    for file in (out / "published").rglob("*.parquet"):
        yield file.parent.relative_to(out / "published").as_posix()


@settings(max_examples=100, deadline=None)
@given(accepted(), st.lists(st.sampled_from(CELLS), max_size=12))
def test_a_contract_is_refused_or_cleans_any_file(contract: Contract | None, cells: list[str]):
    if contract is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "rows.csv", Path(folder) / "out"
        file.write_text(text_of(cells))
        lineage = Lineage(source_key="s3://raw/rows/a.csv", run_id="run", file_stem="rows")
        try:
            manifest = polars_engine.clean(contract, FileSource(file), out, lineage=lineage)
        except FileRejected:
            # Nothing else can be wrong with such a file than that it has no rows.
            assert not cells
            return
        manifest.balance()
        assert manifest.rows_in == len(cells)
        assert manifest.published + manifest.quarantined + sum(manifest.discarded.values()) == len(cells)
        assert {part.path or "." for part in manifest.partitions} == set(published_paths(manifest, out))
        for part in manifest.partitions:
            assert partition_path(part.values) == part.path
            assert unquote(part.path) == "/".join(f"{name}={value}" for name, value in part.values.items())
        json.dumps(manifest.to_dict(), allow_nan=False)
