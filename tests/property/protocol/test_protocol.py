"""Two invocations at once, in every order of their calls, and a fault at any of them: no promise is broken."""

import pytest

from tests.property.protocol.mutations import MUTATIONS, Mutation
from tests.property.protocol.scenarios import scenarios

SMALL = {each.name: each for table in ("parquet", "iceberg") for each in scenarios(small=True, table=table)}
LARGE = {
    "after claim: late publish, and the run gives up",
    "after claim: late undo, and the run finishes",
    "after claim: late recover, and the run finishes",
    "after publish: late publish, and the run gives up",
}
"""Of ten thousand states and more: `make chaos` visits them."""
FAULTY = [
    "before claim: late claim, and the run is redriven",
    "after claim: late claim, and the run gives up",
    "after publish: late complete, and the run finishes",
    "after complete: late complete, and the run finishes",
    "after complete: late undo, and the run finishes",
    "iceberg, after commit: late complete, and the run finishes",
]


def _is_large(name: str) -> bool:
    """A recovery of an Iceberg table's run is an undo and a removal, with the calls of both."""
    of_iceberg = name.startswith("iceberg, ") and ("late recover" in name or "overtakes" in name)
    return of_iceberg or name.removeprefix("iceberg, ") in LARGE


@pytest.mark.parametrize("name", sorted(name for name in SMALL if not _is_large(name)))
def test_whatever_comes_first_no_promise_is_broken_and_no_key_stuck(name: str):
    found = SMALL[name].explore(budget=0)

    assert found.violations == {}
    assert found.complete
    assert found.ends


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_at_any_call_breaks_no_promise(name: str):
    found = SMALL[name].explore(budget=1)

    assert found.violations == {}
    assert found.complete


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_without_one_safeguard_a_promise_is_broken(mutation: Mutation):
    with mutation.applied():
        found = SMALL[mutation.scenario].explore(budget=mutation.faults, first=True)

    assert found.violations
