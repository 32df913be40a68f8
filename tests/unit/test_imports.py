"""What the functions import: a light function must start without Polars, and all need what is pinned."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.unit.cloud import ENVIRONMENT

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
HEAVY = {"validate", "clean", "describe", "watch", "window"}
LIGHT = sorted({path.stem for path in FUNCTIONS.glob("*.py")} - HEAVY)

PROBE = """
import sys, time
import boto3, aws_lambda_powertools, aws_xray_sdk.core
started = time.process_time()
import {module}
print(time.process_time() - started, *{{name.split(".")[0] for name in sys.modules}})
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
    seconds, *modules = answer.stdout.split()
    assert {"polars", "pandera", "pandas", "pyarrow", "datasets"}.isdisjoint(modules)
    # Processor time on top of boto3, Powertools and X-Ray, most of it for boto3's clients.
    assert float(seconds) < 0.3


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


def test_the_functions_run_on_the_versions_that_are_locked():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {package["name"]: package["version"] for package in lock["package"]}
    lines = (FUNCTIONS / "requirements.txt").read_text().splitlines()
    pins = [re.fullmatch(r"([a-z0-9.-]+)(?:\[[a-z]+\])?==(\S+)", line) for line in lines if not line.startswith("#")]
    assert {pin[1]: pin[2] for pin in pins if pin} == {pin[1]: locked[pin[1].replace(".", "-")] for pin in pins if pin}
    assert all(pins)
    assert {pin[1] for pin in pins if pin} == {"aws-lambda-powertools", "backports.zstd", "jinja2", "pandera", "polars"}
