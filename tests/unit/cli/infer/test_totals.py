"""Totals lines are discarded by name, or asked about; they are never taken for rows in silence."""

import re
from pathlib import Path

import pytest

from tests.contract.outcome import outcome
from tests.unit.cli.infer.inferring import inferred, table, written


def questions(root: Path) -> str:
    return re.sub(r"\s+#?\s*", " ", written(root))


@pytest.mark.parametrize("line", ["Total;;10,0", "SUMME:;;10,0", "Gesamt;;", ";Grand total;10,0", "Gesamtsumme;x;10,0"])
def test_a_sum_below_the_rows_is_no_row(tmp_path: Path, line: str):
    text = table("id;day;amount", "1;2025-03-01;2,5", "2;2025-03-02;3,5", "3;2025-03-03;4,0", line)
    contract = inferred(tmp_path, text)
    assert [rule.name for rule in contract.discard] == ["totals_line"]
    assert not contract.row_schema.columns["id"].nullable
    assert "DECIDE: a file ends with" in questions(tmp_path)
    found = outcome(contract, text)
    assert (len(found.published), found.discarded) == (3, {"totals_line": 1})
    assert found.column("id") == [1, 2, 3]


def test_a_sum_with_fewer_fields_than_the_header_is_no_row(tmp_path: Path):
    text = table("id,day,amount", "1,2025-03-01,2", "2,2025-03-02,3", "Total,5")
    found = outcome(inferred(tmp_path, text), text)
    assert (len(found.published), found.discarded, found.quarantined) == (2, {"totals_line": 1}, {})


def test_each_of_several_files_may_end_with_a_sum(tmp_path: Path):
    files = [table("id,amount,note", "1,2,a", f"{n},3,b", "Total,5,") for n in (2, 3)]
    contract = inferred(tmp_path, *files)
    assert [outcome(contract, text).discarded for text in files] == [{"totals_line": 1}] * 2


@pytest.mark.parametrize(
    "rows",
    [
        ["Shell,1", "Aral,2", "Total,7"],  # a brand of petrol stations
        ["Total,1", "Aral,2", "Total,3"],
        ["Total,1", "Aral,2", "Shell,3", "Total,"],
    ],
)
def test_a_row_that_may_be_one_is_asked_about_and_stays(tmp_path: Path, rows: list[str]):
    text = table("brand,stations", *rows)
    contract = inferred(tmp_path, text)
    assert contract.discard == ()
    assert "which looks like a sum. If it is, discard such rows" in questions(tmp_path)
    assert outcome(contract, text).discarded == {}


def test_a_word_that_only_begins_like_a_sum_is_none(tmp_path: Path):
    contract = inferred(tmp_path, table("name,n", "Total recall,1", "Summer,2"))
    assert contract.discard == ()
    assert "looks like a sum" not in questions(tmp_path)


def test_a_name_that_athena_reserves_is_asked_about_with_what_to_write(tmp_path: Path):
    inferred(tmp_path, table("id,date,Order,end", "1,2025-03-01,2,3", "2,2025-03-02,3,4"))
    asked = questions(tmp_path)
    assert 'DECIDE: a reserved word of Athena: queries write "end", in double quotes.' in asked
    assert "queries write \"order\", in double quotes. Or another name here, and an alias from 'Order'?" in asked
    assert '"date"' not in asked.replace('of="date"', "")
