import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.sales_rows import HEADER, as_csv, written


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_accepts_a_good_file(tmp_path: Path):
    file = written(tmp_path, as_csv(*[{}] * 8, {"product_id": ""}))
    result = run("check", file, "--dataset", "sales", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["result"] == "accepted"
    assert (report["rows"], report["would_quarantine"]) == (9, 1)
    assert report["reasons"] == {"product_id_is_present": 1}
    assert (report["dataset"], report["contract_version"]) == ("sales", 1)
    assert (report["encoding"], report["delimiter"]) == ("utf-8", ",")


def test_check_shows_people_the_rows(tmp_path: Path):
    file = written(tmp_path, as_csv(*[{}] * 8, {"channel": "fax"}))
    result = run("check", file, "--dataset", "sales")
    assert "channel_is_in_set" in result.stdout
    assert 'row 9: "fax"' in result.stdout


GOOD_FILE = as_csv({}, {})
REJECTED = {
    "an empty file": (b"", "file_is_not_empty"),
    "no header": (GOOD_FILE.split("\n", 1)[1].encode(), "header_is_present"),
    "a missing column": (GOOD_FILE.replace("product_id", "sku").encode(), "header_has_every_column"),
    "a duplicated column": (GOOD_FILE.replace("category", "channel").encode(), "header_has_no_duplicates"),
    "an unknown column": (GOOD_FILE.replace("\n", ",x\n").encode(), "header_has_no_unknown_column"),
    "another delimiter": (GOOD_FILE.replace(",", ";").encode(), "delimiter_is_as_declared"),
    "UTF-16": (GOOD_FILE.encode("utf-16"), "file_is_utf_8"),
    "a preamble": (b"Sales report\n\n" + GOOD_FILE.encode(), "header_is_first_line"),
    "a binary file": (b"PK\x03\x04" + bytes(range(256)) * 20, "file_is_text"),
    "a truncated gzip": (gzip.compress(GOOD_FILE.encode() * 50)[:-20], "file_is_complete"),
    "a bomb": (gzip.compress(bytes(60 << 20), 9), "file_is_text"),
    "mostly bad rows": (as_csv({}, {"channel": "fax"}).encode(), "quarantined_share_is_within_limit"),
}


@pytest.mark.parametrize("what", REJECTED)
def test_a_file_that_cannot_be_accepted_is_rejected_by_name(tmp_path: Path, what: str):
    content, reason = REJECTED[what]
    file = written(tmp_path, content)
    result = run("check", file, "--dataset", "sales", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["result"] == "rejected"
    assert reason in report["reasons"]
    assert len(report["problems"]) == 1
    cleaned = run("clean", file, "--dataset", "sales", "--out", tmp_path / "out")
    assert cleaned.exit_code == 1
    assert not list((tmp_path / "out").rglob("*.parquet"))


ACCEPTED = {
    "header only": (HEADER.encode(), 0, 0),
    "a UTF-8 mark": (b"\xef\xbb\xbf" + GOOD_FILE.encode(), 2, 2),
    "CRLF": (GOOD_FILE.replace("\n", "\r\n").encode(), 2, 2),
    "CR": (GOOD_FILE.replace("\n", "\r").encode(), 2, 2),
    "no final newline": (GOOD_FILE.rstrip("\n").encode(), 2, 2),
    "blank lines": (GOOD_FILE.replace("\n", "\n\n").encode(), 2, 2),
    "quoted newlines": (as_csv({"category": "a\nb"}, {}).encode(), 2, 2),
    "gzip": (gzip.compress(GOOD_FILE.encode()), 2, 2),
    "a field of 1 MB": (as_csv({"category": "x" * (1 << 20)}, {}).encode(), 2, 2),
    "a short row": (as_csv(*[{}] * 5).encode() + b"a,b\n", 6, 5),
    "a long row": (as_csv(*[{}] * 5).encode() + b"1," * 20 + b"\n", 6, 5),
    "an open quote": (as_csv(*[{}] * 5).encode() + b'T9,"S001,P1\n', 6, 5),
    "a NUL": (as_csv(*[{}] * 5, {"category": "a\0b"}).encode(), 6, 5),
    "Latin-1 in a UTF-8 file": (as_csv(*[{}] * 5, {"category": "caf\xe9"}).encode("latin-1"), 6, 5),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_a_file_that_can_be_read_is_cleaned_and_every_row_accounted_for(tmp_path: Path, what: str):
    content, rows, published = ACCEPTED[what]
    file = written(tmp_path, content)
    result = run("clean", file, "--dataset", "sales", "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    manifest = json.loads(result.stdout)
    assert (manifest["rows_in"], manifest["published"]) == (rows, published)
    assert manifest["quarantined"] == rows - published
    found = [pl.read_parquet(path).height for path in (tmp_path / "out" / "published").rglob("*.parquet")]
    assert sum(found) == published


def test_the_key_is_checked_only_when_given(tmp_path: Path):
    file = written(tmp_path, GOOD_FILE)
    wrong = run("check", file, "--dataset", "sales", "--key", "sales/today.csv", "--json")
    right = run("check", file, "--dataset", "sales", "--key", "sales/S001/2025-03-05.csv")
    assert (wrong.exit_code, right.exit_code) == (1, 0)
    assert json.loads(wrong.stdout)["reasons"] == {"key_follows_naming_rule": 1}


def test_an_existing_result_is_replaced_only_with_overwrite(tmp_path: Path):
    file, out = written(tmp_path, GOOD_FILE), tmp_path / "out"
    arguments = ("clean", file, "--dataset", "sales", "--out", out)
    assert run(*arguments).exit_code == 0
    assert run(*arguments).exit_code == 2
    assert run(*arguments, "--overwrite").exit_code == 0
    (out / "mine.txt").write_text("precious")
    assert run(*arguments, "--overwrite").exit_code == 2
    assert (out / "mine.txt").read_text() == "precious"


def test_wrong_usage_exits_with_2(tmp_path: Path):
    file = written(tmp_path, GOOD_FILE)
    assert run("check", tmp_path / "absent.csv", "--dataset", "sales").exit_code == 2
    assert run("clean", file, "--dataset", "sales", "--out", tmp_path / "o", "--engine", "abacus").exit_code == 2
