"""`sluice new`: its options, output and refusals; what it infers is in tests/unit/cli/infer."""

import csv
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.contracts.document import loaded
from cli.main import app
from tests.unit.cli.infer.inferring import column, inferred, run, table, written


def test_what_a_person_knows_is_not_asked(tmp_path: Path):
    (tmp_path / "file.csv").write_text(column(["FR", "NA", "nobody", "DE"]))
    known = ("--null", "na", "--null", "Nobody", "--files", "things/{day:%Y%m%d}.csv")
    result = CliRunner().invoke(app, ["new", "things", str(tmp_path / "file.csv"), "--root", str(tmp_path), *known])
    assert result.exit_code == 0, result.output
    contract = loaded("things", written(tmp_path))
    assert contract.reading.null_markers == ("", "na", "nobody")
    assert contract.row_schema.columns["reading"].nullable
    assert contract.files == ("things/{day:%Y%m%d}.csv",)
    assert "null marker" not in written(tmp_path)
    assert "how do producers name" not in written(tmp_path)


def test_nothing_is_overwritten(tmp_path: Path):
    inferred(tmp_path, table("id,a", "1,2"))
    before = written(tmp_path)
    again = run(tmp_path, "things", tmp_path / "file0.csv")
    assert again.exit_code == 2
    assert "nothing is overwritten" in re.sub(r"[\s│]+", " ", again.output)
    assert written(tmp_path) == before


@pytest.mark.parametrize("name", ["Things", "a b", "x_quarantine", "json"])
def test_a_name_that_no_table_can_have_is_refused(tmp_path: Path, name: str):
    file = tmp_path / "sample.csv"
    file.write_text("a\n1\n")
    assert run(tmp_path, name, file).exit_code == 2


def test_scripts_get_the_questions_as_json(tmp_path: Path):
    file = tmp_path / "sample.csv"
    file.write_text("id,name\n1,Bo\n")
    result = CliRunner().invoke(app, ["new", "things", str(file), "--root", str(tmp_path), "--json"])
    found = json.loads(result.stdout)
    assert any("name: a person's name?" in question for question in found["decide"])
    with (tmp_path / "tests" / "data" / "things" / "good.csv").open() as good:
        assert list(csv.DictReader(good)) == [{"id": "1", "name": "Bo"}]
