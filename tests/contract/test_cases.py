"""Inputs after public reports: a contract that cannot work is refused, and says what to write; others clean the input.

What looks right and is not is never published; what a contract declares of text, types and partitions holds.
"""

import pytest

from sluice.errors import ContractInvalid
from tests.contract import declaration_cases, text_cases
from tests.contract.declaration_cases import REFUSED, Refused
from tests.contract.outcome import outcome
from tests.contract.samples import DATA
from tests.contract.text_cases import Case, contract, file

CASES = text_cases.CASES | declaration_cases.CASES


def test_every_input_has_its_right_outcome():
    assert {path.name for path in (DATA / "cases").iterdir()} == CASES.keys()
    assert len(CASES) == len(text_cases.CASES) + len(declaration_cases.CASES)


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_contract_that_cannot_work_is_refused_and_says_what_to_write(refused: Refused):
    with pytest.raises(ContractInvalid) as error:
        contract(**refused.settings)
    assert [text for text in ("dataset 'case'", *refused.named) if text not in str(error.value)] == []


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_a_file_becomes_what_it_means(name: str, case: Case):
    found = outcome(case.contract, file(name).read_bytes(), case.key)
    assert found.rejected is None
    assert found.published == case.rows
    assert found.quarantined == case.quarantined
    assert found.discarded == case.discarded
    assert found.paths == case.paths
