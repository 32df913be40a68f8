"""What the functions import: a light function must start without Polars, and all need what is pinned."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cloud import ENVIRONMENT

ROOT = Path(__file__).parents[3]
PIN = re.compile(r"([a-z0-9-]+)(?:\[([a-z]+)\])?==(\S+)")
FUNCTIONS = ROOT / "functions"
UNUSED = {"click", "fsspec", "pyroaring", "requests", "rich", "tenacity", "zstandard"}
"""What pyiceberg needs for the catalogs, file systems and files that no commit has."""
HEAVY = {"validate", "clean", "commit", "compare_crawl", "describe", "maintain", "setup", "watch", "window"}
"""They need Polars, pandera or, for commits, pyiceberg, which imports boto3."""
LIGHT = sorted({path.stem for path in FUNCTIONS.glob("*.py")} - HEAVY)

PROBE = """
import sys, time
started = time.process_time()
import boto3, aws_lambda_powertools, aws_xray_sdk.core
brought = time.process_time()
import {module}
print((time.process_time() - brought) / (brought - started), *{{name.split(".")[0] for name in sys.modules}})
"""


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_function_imports_no_dataframes_and_starts_quickly(module: str):
    answer = subprocess.run(
        [sys.executable, "-c", PROBE.format(module=module)],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(FUNCTIONS)},
        capture_output=True,
        text=True,
        check=True,
    )
    ratio, *modules = answer.stdout.split()
    assert {"polars", "pandera", "pandas", "pyarrow", "datasets"}.isdisjoint(modules)
    # Most of a function's own share is for its clients. A ratio, since seconds are those of a machine.
    assert float(ratio) < 1, "it takes longer than boto3, Powertools and X-Ray together"


def imported_in_lambda(module: str) -> set[str]:
    """What is imported where X-Ray traces, which other tests switch off; `traced`: it traces the SDK's calls."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(FUNCTIONS), "LAMBDA_TASK_ROOT": str(FUNCTIONS)}
    del environment["POWERTOOLS_TRACE_DISABLED"]
    script = f"import sys, {module}; sdk = sys.modules.get('botocore.client'); print(*sys.modules)"
    script += "; print('traced' if hasattr(sdk, '_xray_enabled') else '')"
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_a_function_that_calls_no_service_does_not_load_the_sdk():
    assert {"boto3", "botocore.client", "botocore.session"}.isdisjoint(imported_in_lambda("route"))


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_function_does_without_what_boto3_adds_and_sets_the_collector_before_powertools(module: str):
    assert {"boto3", "s3transfer"}.isdisjoint(imported_in_lambda(module))
    assert "aws_lambda_powertools" not in (FUNCTIONS / f"{module}.py").read_text()


def test_pandera_does_without_what_is_installed_beside_it_and_nobody_else_does():
    script = "import sluice.engines.polars_engine, sys; print(*sys.modules); "
    script += "import hypothesis, numpy, pandas, pyspark; print(pandas)"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(FUNCTIONS)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported, found = answer.stdout.splitlines()
    assert "pandera.polars" in imported.split()
    assert {"hypothesis", "numpy", "pandas", "pyarrow", "pyspark"}.isdisjoint(imported.split())
    assert "site-packages" in found


@pytest.mark.parametrize("module", ["check", "claim", "clean"])
def test_the_calls_of_services_are_traced(module: str):
    assert "traced" in imported_in_lambda(module)


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*.py")), ids=lambda path: path.stem)
def test_a_handler_makes_no_client_past_the_one_place_that_traces_them(path: Path):
    assert "boto" not in path.read_text()


@pytest.mark.parametrize("name", sorted({"RAW_BUCKET", "LEDGER_TABLE", "SMALL_FILE_BYTES", "LEASE_SECONDS"}))
def test_a_function_without_its_configuration_does_not_start(name: str):
    given = {key: value for key, value in {**os.environ, **ENVIRONMENT}.items() if key != name}
    answer = subprocess.run(
        [sys.executable, "-c", "import claim"],
        env={**given, "PYTHONPATH": str(FUNCTIONS)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert f"KeyError: '{name}'" in answer.stderr


def test_the_functions_run_on_the_versions_that_are_locked_and_on_nothing_else():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {package["name"]: package for package in lock["package"]}
    lines = (ROOT / "packages" / "requirements.txt").read_text().splitlines()
    pins = [PIN.fullmatch(line.replace("backports.", "backports-")) for line in lines if not line.startswith("#")]
    named = {pin[1]: pin for pin in pins if pin}

    assert all(pins)
    assert {name: pin[3] for name, pin in named.items()} == {name: locked[name]["version"] for name in named}
    assert named.keys() >= {"aws-lambda-powertools", "backports-zstd", "boto3", "jinja2", "pandera", "polars"}
    assert {need for name, pin in named.items() for need in needs(locked[name], pin[2])} - UNUSED <= named.keys()
    assert not UNUSED & named.keys()


def test_a_commit_imports_no_package_that_the_functions_are_spared():
    script = f"""
import sys
sys.modules |= dict.fromkeys({sorted(UNUSED)!r} + ["pyarrow", "polars"])
import sluice.publish.iceberg.commit
print("imported")
"""
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS)}
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["imported"]


def needs(package: dict[str, Any], extra: str | None) -> set[str]:
    """What a package of uv.lock needs, with one of its extras."""
    of_extra = package.get("optional-dependencies", {}).get(extra, [])
    return {need["name"] for need in [*package.get("dependencies", []), *of_extra]}


def test_a_cleaning_imports_no_numpy_where_it_is(tmp_path: Path):
    file = tmp_path / "sales.csv"
    names = "transaction_id,store_id,product_id,sale_date,quantity,unit_price,currency,channel,category,customer_age"
    rows = [f"T{n},S1,P1,2025-03-05,{n},1.{n}5,EUR,online,toys,40,false,2025-03-05T10:11:12" for n in range(9)]
    file.write_text("\n".join([f"{names},is_test,updated_at", *rows, "T9,S1,P1,2025-03-05,,,EUR,online,toys,40,,"]))
    script = f"""
import sys
from pathlib import Path
from sluice.contract import registry
from sluice.engines import polars_engine as engine
from sluice.read.source import FileSource
file, out, lineage = Path({str(file)!r}), Path({str(tmp_path / "out")!r}), engine.Lineage("s3://raw/a", "run", "a")
manifest = engine.clean(registry.load("sales"), FileSource(file), out, lineage=lineage)
print(manifest.published, "numpy" in sys.modules)
import numpy
"""
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS)}
    answer = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["9", "False"]
