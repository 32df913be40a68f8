"""A file without a header begins with a row, which may be about a person: no message may tell it."""

import dataclasses
from pathlib import Path

import pytest

from datasets.sales import contract as SALES  # noqa: N812 (a constant)
from sluice.errors import FileRejected
from sluice.read.header import header_drift, match_header
from sluice.read.source import FileSource
from sluice.validate.validator import check

PEOPLE = dataclasses.replace(SALES, personal={"customer_age": "drop"})


@pytest.mark.parametrize("names", [["Ann Doe", "ann@example.org"], ["Ann Doe", "store_id"], ["Ann Doe", "Ann Doe"]])
def test_what_is_no_header_of_a_contract_about_people_is_masked(names: list[str]):
    with pytest.raises(FileRejected) as rejected:
        match_header(PEOPLE, names)

    assert "Ann" not in rejected.value.message
    assert "***" in rejected.value.message
    assert "Ann" not in str(header_drift(PEOPLE, names))


def test_a_header_that_is_one_is_told():
    names = [*SALES.file_columns, "Ann Doe"]

    with pytest.raises(FileRejected, match="Ann Doe"):
        match_header(PEOPLE, names)


@pytest.mark.parametrize("row", ['1,"Ann Doe,2', "1,Ann Doé,2"])
def test_what_cannot_be_split_or_decoded_is_not_told(row: str, tmp_path: Path):
    path = tmp_path / "day.csv"
    path.write_bytes(row.encode("latin-1"))

    report = check(PEOPLE, FileSource(path))

    assert report.result == "rejected"
    assert "Ann" not in str(report.to_dict())
