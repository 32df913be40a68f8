import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.stack import connection

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
PATHS = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "functions")])}


def test_every_command_is_listed_in_a_group():
    result = CliRunner().invoke(app, ["--help"])
    assert " check " in result.stdout
    assert "─ Commands ─" not in result.stdout


def test_the_version_is_printed():
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.output.strip()) == (0, f"sluice {importlib.metadata.version('sluice')}")


def test_explain_prints_the_contract_document_as_json():
    answer = CliRunner().invoke(app, ["explain", "sales", "--json"])
    assert json.loads(answer.output)["dataset"] == "sales"


def test_the_region_is_taken_from_aws_region(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_REGION", "eu-south-2")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setattr(connection, "deployed", lambda session, name: session.region_name)
    assert connection.connect("a-stack", None, None) == "eu-south-2"
    assert connection.connect("a-stack", None, "eu-west-1") == "eu-west-1"


@pytest.mark.parametrize("words", [["--help"], ["check", str(DATA / "sales" / "good.csv"), "--dataset", "sales"]])
def test_what_needs_no_aws_loads_no_aws(words: list[str]):
    program = f"import sys; from cli.main import app; app({words}, standalone_mode=False); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=PATHS, capture_output=True, text=True)
    assert loaded.stderr == ""
    assert {"boto3", "cli.smoke.run", "cli.stack.athena"} & set(loaded.stdout.split()) == set()
