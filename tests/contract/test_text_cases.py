"""What looks right and is not is never published; what a contract's options say of text holds."""

import pytest

from tests.contract.outcome import outcome
from tests.contract.text_cases import CASES, Case, file


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_a_file_becomes_what_it_means(name: str, case: Case):
    found = outcome(case.contract, file(name).read_bytes(), case.key)
    assert found.rejected is None
    assert found.published == case.rows
    assert found.quarantined == case.quarantined
    assert found.discarded == case.discarded
