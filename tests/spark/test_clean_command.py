"""`sluice clean --engine spark` on this machine."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from cli.main import app, main
from samples.compare import differences
from tests.unit.sales_rows import as_csv, written

ROWS = as_csv(*[{} for _ in range(20)], {"quantity": "two"}, {"is_test": "y"})


def test_the_command_gives_the_same_on_both_engines(spark: SparkSession, tmp_path: Path):
    file = written(tmp_path, ROWS)
    for engine in ("polars", "spark"):
        arguments = ["clean", str(file), "--dataset", "sales", "--out", str(tmp_path / engine), "--engine", engine]
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0
        assert json.loads(result.stdout)["engine"] == engine
    assert differences(tmp_path / "polars", tmp_path / "spark") == []


def test_without_java_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    file = written(tmp_path, ROWS)
    out = tmp_path / "out"
    arguments = ["clean", str(file), "-d", "sales", "--out", str(out), "--engine", "spark"]
    monkeypatch.setattr("sys.argv", ["sluice", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "apt install openjdk-17-jre-headless" in " ".join(capsys.readouterr().err.split())
    assert not out.exists()
