"""The samples that are written with a contract."""

from pathlib import Path

import pytest

from tests.contract.outcome import outcome
from tests.unit.cli.infer.inferring import column, inferred, table, written


def test_people_are_hashed_and_neither_shown_nor_copied(tmp_path: Path):
    rows = [f"{number},Ada{number},ada{number}@example.org,{20 + number}" for number in range(30)]
    contract = inferred(tmp_path, table("id,first_name,contact,age", *rows))
    assert contract.personal == {"first_name": "hash", "contact": "hash", "age": "keep"}
    for file in (tmp_path / "tests" / "data" / "things").iterdir():
        assert "Ada" not in file.read_text()
        assert "ada" not in file.read_text()
    assert "Ada" not in written(tmp_path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("birth_year", ["1980", "1991"]),
        ("birth_month", ["3", "12"]),
        ("birth", ["12/31/1970 11:59 PM", "1/2/1980 1:00 AM"]),
        ("birth", ["1970-12-31 10:00:00.25 +02:00", "1980-01-02 10:00:00 +00"]),
    ],
)
def test_made_up_values_are_accepted_by_the_contract(tmp_path: Path, name: str, values: list[str]):
    contract = inferred(tmp_path, column(values, name))
    good = (tmp_path / "tests" / "data" / "things" / "good.csv").read_text()
    assert contract.personal == {name: "keep"}
    found = outcome(contract, good)
    assert (len(found.published), found.quarantined) == (len(good.splitlines()) - 1, {})
