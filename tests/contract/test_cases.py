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
    "two_marks": ["'||' is no delimiter", "one ASCII character"],
    "no_such_type": ["v", "UInt64", "pl.Int64"],
    "time_type": ["v", "Time", "pl.String"],
    "zoned_type": ["v", "pl.Datetime('us'), which is UTC"],
    "model_unique": ["Config.unique", "unique=Unique(...)"],
    "constant_comma": ["impute w", "'none' is no Int64"],
    "alias_twice": ["aliases", "'A1'", "one name"],
    "part_time": ["v", "timestamp", "Partition('day', of='v', format='%Y-%m-%d')"],
}
"""By case, what the message must name."""

PUBLISHED: dict[str, list[dict[str, Any]]] = {
    "z_inside": [{"k": "A", "at": datetime(2025, 7, 1, 7)}],
    "pg_offset": [
        {"k": "A", "at": datetime(2025, 7, 1, 7, 0, 0, 745_232)},
        {"k": "B", "at": datetime(2025, 7, 1, 9)},
        {"k": "C", "at": datetime(2025, 7, 1, 12, 30)},
    ],
    # Quartiles 3.5 and 7.5.
    "large_outlier": [{"k": str(n), "v": n + 0.5} for n in range(1, 9)] + [{"k": "x", "v": 13.5}],
    "limit_beyond": [{"k": k, "v": v} for k, v in (("A", -128), ("B", -128), ("C", 127), ("D", 127))],
    "tiny_median": [{"k": k, "v": v} for k, v in (("A", 2e-9), ("B", 4e-9), ("C", 6e-9), ("D", 4e-9))],
    "part_default": [{"k": "B", "v": "fine"}],
    "part_long": [{"k": "B", "v": "fine"}],
    "part_bool": [{"k": "A", "v": True}, {"k": "B", "v": False}],
    "part_month": [{"k": "A", "d": date(2025, 3, 1), "month": 3}, {"k": "B", "d": date(2025, 11, 1), "month": 11}],
    "two_digit_years": [{"id": 1, "day": date(2024, 7, 22)}, {"id": 6, "day": date(1969, 7, 22)}],
}

QUARANTINED = {
    "part_default": {1: ["v_is_a_partition_value"]},
    "part_long": {1: ["v_is_a_partition_value"]},
    "two_digit_years": {row: ["day_is_a_date"] for row in (2, 3, 4, 5)},
}

PATHS = {
    "part_default": ["v=fine"],
    "part_long": ["v=fine"],
    "part_bool": ["v=false", "v=true"],
    "part_month": ["month=11", "month=3"],
}


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
    assert result.paths == PATHS.get(case, [""])
