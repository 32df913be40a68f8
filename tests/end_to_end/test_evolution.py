"""A contract changes: what readers of both kinds of table see before, after, of undone runs and of refused changes."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import datasets
from local import DeployFailed, LocalAWS, deploy, detached, faults
from sluice.contract import registry
from tests.end_to_end.command import Command
from tests.end_to_end.conftest import ROOT

PARTS = ("functions", "packages", "statemachine", "glue")
KINDS = ("parquet", "iceberg")

FIRST = """
from typing import Annotated

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    item: pl.String
    quantity: pl.Int32
    price: Annotated[pl.Decimal, 9, 2]
    note: pl.String
    sold: pl.Date
    month: pl.String


contract = Contract(
    name="evolved_KIND",
    version=1,
    row=Row,
    files=("evolved_KIND/{f}.csv",),
    partition_by=(Partition("month", of="sold", format="%Y-%m"),),
    table="KIND",
)
"""
SECOND = """
from typing import Annotated

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition, Reading


class Row(pa.DataFrameModel):
    quantity: pl.Int64
    product: pl.String
    price: Annotated[pl.Decimal, 9, 2] = pa.Field(nullable=True)
    currency: pl.String = pa.Field(nullable=True)
    sold: pl.Date
    month: pl.String


contract = Contract(
    name="evolved_KIND",
    version=2,
    row=Row,
    files=("evolved_KIND/{f}.csv",),
    reading=Reading(aliases={"item": "product"}, optional=("currency",), unknown_columns="ignore"),
    partition_by=(Partition("month", of="sold", format="%Y-%m"),),
    table="KIND",
)
"""
TYPED = """
import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Partition


class Row(pa.DataFrameModel):
    k: pl.String
    v: pl.TYPE
    d: pl.Date
    month: pl.String


contract = Contract(
    name="NAME",
    version=VERSION,
    row=Row,
    files=("type_change_KIND/{f}.csv",),
    quarantine_limit=1.0,
    partition_by=(Partition("month", of="d", format="%Y-%m"),),
    table="KIND",
)
"""


def typed(kind: str, *, name: str, type_: str, version: int) -> dict[str, str]:
    text = TYPED.replace("TYPE", type_).replace("NAME", name).replace("KIND", kind).replace("VERSION", str(version))
    return {name: text}


def evolved(text: str) -> dict[str, str]:
    return {f"evolved_{kind}": text.replace("KIND", kind) for kind in KINDS}


Deploy = Callable[..., None]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deploy, LocalAWS]]:
    """Deploys contracts (dataset → Python text) on a local AWS of this module, and makes them this command's own."""
    own = list(datasets.__path__)

    def use(folder: list[str]) -> None:
        datasets.__path__ = folder
        for name in [name for name in sys.modules if name.startswith("datasets.")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        registry.contracts.cache_clear()

    with LocalAWS(wait_scale=0.02) as aws, pytest.MonkeyPatch.context() as patch:
        state = tmp_path_factory.mktemp("runtime")
        detached.remember(aws, state_home=state)
        patch.setenv("XDG_STATE_HOME", str(state))
        patch.delenv("SLUICE_STACK", raising=False)

        def deployed(contracts: dict[str, str]) -> None:
            folder = tmp_path_factory.mktemp("project")
            for part in PARTS:
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            for dataset in (folder / "functions" / "datasets").glob("[!_]*.py"):
                if dataset.stem != "sluice_smoke":
                    dataset.unlink()
            for name, text in contracts.items():
                (folder / "functions" / "datasets" / f"{name}.py").write_text(text)
            template = Path(shutil.copy(ROOT / "template.yaml", folder))
            deploy(aws, template, stack="sluice", parameters={"CrawlMinutes": "0"})
            use([str(folder / "functions" / "datasets")])

        try:
            yield deployed, aws
        finally:
            use(own)


def put(sluice: Command, folder: Path, key: str, text: str, code: int = 0) -> Any:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (entry,) = sluice.json("put", path, code=code)
    return entry


def rows(sluice: Command, columns: str, table: str) -> list[Any]:
    return [tuple(row.values()) for row in sluice.json("query", f"SELECT {columns} FROM {table} ORDER BY 1")]  # noqa: S608


def test_tables_of_both_kinds_follow_their_contracts(stack: tuple[Deploy, LocalAWS], tmp_path: Path):
    deployed, aws = stack
    sluice = Command()
    types = {kind: typed(kind, name=f"type_change_{kind}", type_="Int64", version=1) for kind in KINDS}
    deployed(evolved(FIRST) | types["parquet"] | types["iceberg"])
    for kind in KINDS:
        put(sluice, tmp_path, f"evolved_{kind}/a.csv", "item,quantity,price,note,sold\ntea,1,2.50,x,2025-03-01\n")
        put(sluice, tmp_path, f"type_change_{kind}/a.csv", "k,v,d\na,1,2025-03-01\n")
        assert rows(sluice, "item, quantity, note", f"evolved_{kind}") == [("tea", 1, "x")]

    deployed(evolved(SECOND) | types["parquet"] | types["iceberg"])
    columns = "quantity, product, price, currency, month"
    # A Parquet file is read by name; an Iceberg table knows that its column was renamed.
    old = {"parquet": (1, None, "2.50", None, "2025-03"), "iceberg": (1, "tea", "2.50", None, "2025-03")}
    for kind in KINDS:
        table = f"evolved_{kind}"
        assert rows(sluice, columns, table) == [old[kind]]
        text = f"product,quantity,price,currency,sold\nnuts,{2**40},,EUR,2025-03-02\n"
        put(sluice, tmp_path, f"{table}/b.csv", text)
        new = (2**40, "nuts", None, "EUR", "2025-03")
        assert rows(sluice, columns, table) == [old[kind], new]

        faults.inject(aws, "athena:StartQueryExecution", role="*", times=20, status=403, code="AccessDenied")
        try:
            failed = put(
                sluice, tmp_path, f"{table}/a.csv", "item,quantity,price,sold\nrice,3,1.00,2025-03-03\n", code=1
            )
        finally:
            faults.clear(aws)
        assert failed["status"] == "FAILED"
        assert rows(sluice, columns, table) == [old[kind], new]

        result = sluice.json("migrate", table, "--yes")
        (group,) = result["plan"]
        assert (group["dataset"], group["version"], group["files"], group["rows"]) == (table, 1, 1, 1)
        assert {"item is no longer there", "product is new", "quantity is bigint instead of int"} <= {*group["columns"]}
        assert rows(sluice, columns, table) == [(1, "tea", "2.50", None, "2025-03"), new]
        assert "nothing to do" in sluice("migrate", table, "--yes").stdout


def test_a_type_that_the_table_cannot_take_is_refused_and_a_new_name_takes_its_files(
    stack: tuple[Deploy, LocalAWS], tmp_path: Path
):
    deployed, _ = stack
    sluice = Command()
    texts = {kind: typed(kind, name=f"type_change_{kind}", type_="String", version=2) for kind in KINDS}
    with pytest.raises(
        DeployFailed, match=r"type_change_parquet: v is .*type_change_iceberg: its column v is .*migrate"
    ):
        deployed(evolved(SECOND) | texts["parquet"] | texts["iceberg"])
    for kind in KINDS:
        assert rows(sluice, "k, v", f"type_change_{kind}") == [("a", 1)]

    named = [typed(kind, name=f"type_change_{kind}_2", type_="String", version=2) for kind in KINDS]
    deployed(evolved(SECOND) | named[0] | named[1])
    for kind in KINDS:
        put(sluice, tmp_path, f"type_change_{kind}/b.csv", "k,v,d\nb,2x,2025-03-02\n")
        assert rows(sluice, "k, v", f"type_change_{kind}") == [("a", 1)]
        assert rows(sluice, "k, v", f"type_change_{kind}_2") == [("b", "2x")]
        asked = sluice("migrate", f"type_change_{kind}_2", code=1).stderr
        assert f"type_change_{kind} version 1" in asked
        assert "1 file, 1 row" in asked
        assert f"The table type_change_{kind} has no rows" in sluice("migrate", f"type_change_{kind}_2", "--yes").stdout
        assert rows(sluice, "k, v", f"type_change_{kind}_2") == [("a", "1"), ("b", "2x")]
        assert rows(sluice, "k, v", f"type_change_{kind}") == []
