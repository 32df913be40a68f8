"""Inputs after public reports of people who load files: tests/data/cases/NAME has the contract and the file.

Either the contract is refused when it is made, saying what to write instead, or its rows come out right.
"""

import runpy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from sluice.contract import Contract
from sluice.errors import ContractInvalid
from tests.contract.outcome import Outcome, outcome

CASES = Path(__file__).parents[1] / "data" / "cases"

REFUSED = {
    "tz_name": ["at", "%Z", "time_zones"],
    "frac_f": ["at", "%f", "%.f"],
    "java_form": ["at", "no directive", "%Y-%m-%d %H:%M"],
    "century": ["born", "%y", "century_pivots"],
}
"""By case, what the message must name."""

PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "z_inside": [{"k": "A", "at": datetime(2025, 7, 1, 7)}],
    "pg_offset": [
        {"k": "A", "at": datetime(2025, 7, 1, 7, 0, 0, 745_232)},
        {"k": "B", "at": datetime(2025, 7, 1, 9)},
        {"k": "C", "at": datetime(2025, 7, 1, 12, 30)},
    ],
    "two_digit_years": [{"id": 1, "day": date(2024, 7, 22)}, {"id": 6, "day": date(1969, 7, 22)}],
}

QUARANTINED = {"two_digit_years": {row: ["day_is_a_date"] for row in (2, 3, 4, 5)}}


def contract_of(case: str) -> Contract:
    """Raises ContractInvalid."""
    made: Contract = runpy.run_path(str(CASES / case / "contract.py"))["contract"]
    return made


def cleaned(case: str) -> Outcome:
    return outcome(contract_of(case), (CASES / case / "input.csv").read_text())


def test_every_case_has_its_right_value():
    assert {path.parent.name for path in CASES.glob("*/contract.py")} == REFUSED.keys() | PUBLISHED.keys()


@pytest.mark.parametrize("case", REFUSED)
def test_a_contract_that_cannot_work_is_refused_and_says_what_to_write(case: str):
    with pytest.raises(ContractInvalid) as refused:
        contract_of(case)
    assert [text for text in (f"dataset {case!r}", *REFUSED[case]) if text not in str(refused.value)] == []


@pytest.mark.parametrize("case", PUBLISHED)
def test_a_contract_that_is_accepted_publishes_the_right_values(case: str):
    result = cleaned(case)
    assert result.published == PUBLISHED[case]
    assert result.quarantined == QUARANTINED.get(case, {})
