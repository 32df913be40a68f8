"""A dataset that `sluice new` makes of a real CSV passes the linters and its own contract test as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import vega_datasets
from typer.testing import CliRunner

from cli.contracts.document import loaded
from cli.main import app
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.read.source import FileSource
from tests.contract.samples import cleaned, expected, quarantined, reasons_of

PROJECT = Path(__file__).parents[2]
CSVS = Path(vega_datasets.__file__).parent / "_data"
REAL = {"airports": "airports.csv", "stocks": "stocks.csv", "riots": "la-riots.csv"}
"""Nobody prepared these: codes with leading zeros, dates as `Jan 1 2000`, people's names and ages."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all of them were made."""
    root = tmp_path_factory.mktemp("made")
    for name, file in REAL.items():
        result = CliRunner().invoke(app, ["new", name, str(CSVS / file), "--root", str(root), "--json"])
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["decide"]
    long = root / "long.csv"
    names = [f"{'a very long name of a column, ' * 5}{number}" for number in range(3)]
    long.write_text(";".join(names) + "\n" + "\n".join(f"{n};{-n};red" for n in range(40)) + "\n")
    assert CliRunner().invoke(app, ["new", "long", str(long), "--root", str(root)]).exit_code == 0
    return root


def contract(root: Path, name: str):
    return loaded(name, (root / "functions" / "datasets" / f"{name}.py").read_text())


def test_the_linters_have_nothing_to_say(root: Path):
    modules = sorted((root / "functions" / "datasets").glob("*.py"))
    assert len(modules) == len(REAL) + 1
    for check in (["check"], ["format", "--check"]):
        for module in modules:
            command = [
                sys.executable,
                "-m",
                "ruff",
                *check,
                "--stdin-filename",
                f"functions/datasets/{module.name}",
                "-",
            ]
            done = subprocess.run(command, input=module.read_text(), cwd=PROJECT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
    # So that they are modules of `datasets`, as in a project's own folder.
    environment = os.environ | {"MYPYPATH": str(root / "functions")}
    command = [sys.executable, "-m", "mypy", *modules]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", REAL)
def test_its_own_samples_show_every_rule(root: Path, name: str, tmp_path: Path):
    made, folder = contract(root, name), root / "tests" / "data" / name
    good = cleaned(made, folder, "good.csv", tmp_path / "good")
    assert (good.published, good.quarantined) == (good.rows_in, 0)
    cleaned(made, folder, "bad.csv", tmp_path / "bad")
    assert quarantined(tmp_path / "bad") == expected(folder)
    assert reasons_of(made) <= {reason for reasons in expected(folder).values() for reason in reasons}


@pytest.mark.parametrize("name", REAL)
def test_every_row_of_the_sample_is_accounted_for(root: Path, name: str, tmp_path: Path):
    file = CSVS / REAL[name]
    lineage = Lineage(source_key=file.name, run_id="new", file_stem=name)
    manifest = polars_engine.clean(
        contract(root, name), FileSource(file), tmp_path / "out", lineage=lineage, hash_key="of a test"
    )
    rows = pl.read_csv(file, infer_schema=False).height
    assert manifest.rows_in == rows == manifest.published
    assert (manifest.quarantined, manifest.discarded) == (0, {})
