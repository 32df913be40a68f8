"""The samples of a contract whose questions were answered: made again, they show the contract as it is then."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.contracts.document import contract_document, loaded, read
from cli.main import app
from tests.contract.samples import cleaned, expected, quarantined, reasons_of
from tests.unit.cli.infer.inferring import run, table, written

ORDERS = table(
    "order_id;day;end;Customer Name;channel;amount;note",
    *(
        f"A{n};0{n % 9 + 1}.02.2025;{n};Ada {n};{'web' if n % 2 else 'shop'};{n},50;{'NA' if n % 3 else 'fine'}"
        for n in range(1, 31)
    ),
    "Summe;;;;;480,00;",
)
ANSWERS = {
    "nothing": ("", ""),
    "the key is another": (r'unique=Unique\(key=\("order_id",\)\)', 'unique=Unique(key=("order_id", "day"))'),
    "no key": (r"    unique=Unique.*\n", ""),
    "no partitions": (r"    partition_by=.*\n|    day_month: pl.String\n", ""),
    "another partition": (r'"%Y-%m"\),\),', '"%Y"),),'),
    "NA is no value": (r'null_markers=\("",\)', 'null_markers=("", "na")'),
    "there can be other channels": (r"( = pa.Field\(isin=CHANNEL_VALUES\))", ""),
    "there is another channel": (r'"shop", "web"', '"shop", "web", "phone"'),
    "another name": (r"\bend: ", "ended: "),
    "the name is no person's": (r"    personal=\{\n.*\n    \},\n", ""),
    "the name is dropped": (r'"customer_name": "hash"', '"customer_name": "drop"'),
    "the amount may be missing, and is small": (
        r"amount: (pl.Decimal\(.*?\)) = pa.Field\(ge=0\)",
        r"amount: \1 = pa.Field(gt=0, lt=100, nullable=True)",
    ),
    "the comma is no decimal one, the amount a text": (
        r"        decimal_comma=True,\n|amount: pl.Decimal\(.*?\) = pa.Field\(ge=0\)",
        lambda found: "amount: pl.String" if "amount" in found.group() else "",
    ),
    "the version is raised": (r"version=1", "version=2"),
}


def edited(root: Path, answer: str) -> None:
    pattern, text = ANSWERS[answer]
    before = written(root)
    after = re.sub(pattern, text, before) if pattern else before
    if answer == "another name":
        after = after.replace("aliases={", 'aliases={\n            "end": "ended",')
    assert answer == "nothing" or after != before
    (root / "functions" / "datasets" / "things.py").write_text(after)


def resampled(root: Path, *more: str):
    return CliRunner().invoke(app, ["new", "things", str(root / "f.csv"), "--root", str(root), "--resample", *more])


def check(root: Path, out: Path) -> None:
    """What tests/contract asks of every dataset."""
    contract, data = loaded("things", written(root)), root / "tests" / "data" / "things"
    good = cleaned(contract, data, "good.csv", out / "good")
    assert good.quarantined == 0
    assert 0 < good.published == good.rows_in - sum(good.discarded.values())
    bad = cleaned(contract, data, "bad.csv", out / "bad")
    assert (bad.published, bad.quarantined) == (0, bad.rows_in)
    assert quarantined(out / "bad") == expected(data)
    assert reasons_of(contract) <= {reason for reasons in expected(data).values() for reason in reasons}
    assert json.loads(json.dumps(contract_document(contract))) == read(data / "contract.json")


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_samples_follow_every_answer(tmp_path: Path, answer: str):
    (tmp_path / "f.csv").write_text(ORDERS)
    assert run(tmp_path, "things", tmp_path / "f.csv").exit_code == 0
    check(tmp_path, tmp_path / "before")
    edited(tmp_path, answer)
    result = resampled(tmp_path)
    assert result.exit_code == 0, result.output
    check(tmp_path, tmp_path / "after")


def test_a_totals_line_that_is_a_row_after_all_is_one_in_the_samples(tmp_path: Path):
    (tmp_path / "f.csv").write_text("shop,amount\nA,1\nB,2\nTotal,3\n")
    run(tmp_path, "things", tmp_path / "f.csv")
    path = tmp_path / "functions" / "datasets" / "things.py"
    path.write_text(re.sub(r"    discard=.*\n", "", written(tmp_path)))
    assert resampled(tmp_path).exit_code == 0
    assert "Total,3" in (tmp_path / "tests" / "data" / "things" / "good.csv").read_text()
    check(tmp_path, tmp_path / "out")


def test_a_row_for_a_rule_of_a_persons_own_stays_and_is_asked_for_where_there_is_none(tmp_path: Path):
    (tmp_path / "f.csv").write_text("code,low,high\nA,1,5\nB,2,6\n")
    run(tmp_path, "things", tmp_path / "f.csv")
    path = tmp_path / "functions" / "datasets" / "things.py"
    rule = (
        '    @pa.check("code")\n    def is_no_swearword(cls, data: pa.PolarsData) -> pl.LazyFrame:\n'
        '        return data.lazyframe.select(pl.col(data.key) != "drat")\n'
    )
    path.write_text(written(tmp_path).replace("\n\n\ncontract =", f"\n\n{rule}\n\ncontract ="))
    first = resampled(tmp_path)
    assert first.exit_code == 1
    assert "No row could be made for code_is_no_swearword" in first.output
    data = tmp_path / "tests" / "data" / "things"
    with (data / "bad.csv").open("a") as bad:
        bad.write("drat,1,5\n")
    assert resampled(tmp_path).exit_code == 0
    assert "drat,1,5" in (data / "bad.csv").read_text()
    check(tmp_path, tmp_path / "out")


def test_what_is_committed_is_broken_under_a_new_version_only(tmp_path: Path):
    (tmp_path / "f.csv").write_text(ORDERS)
    run(tmp_path, "things", tmp_path / "f.csv")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "tests"], ["commit", "-qm", "things"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    agreed = (tmp_path / "tests" / "data" / "things" / "contract.json").read_text()
    edited(tmp_path, "no key")
    refused = resampled(tmp_path)
    assert refused.exit_code == 1
    assert "raise the contract's version" in refused.output
    assert (tmp_path / "tests" / "data" / "things" / "contract.json").read_text() == agreed
    edited(tmp_path, "the version is raised")
    assert resampled(tmp_path).exit_code == 0
    check(tmp_path, tmp_path / "out")


def test_nothing_is_resampled_without_a_contract_nor_with_options_that_infer_one(tmp_path: Path):
    (tmp_path / "f.csv").write_text(ORDERS)
    assert resampled(tmp_path).exit_code == 2
    run(tmp_path, "things", tmp_path / "f.csv")
    assert resampled(tmp_path, "--null", "NA").exit_code == 2
