from dataclasses import replace
from itertools import permutations

import pytest

from sluice.errors import ClaimRefused, LeaseLost, SourceBusy
from tests.unit.cloud import Cloud
from tests.unit.ledger.versions import FIRST, SECOND, accepted, at, claim, published, status


def test_a_version_is_received_once(cloud: Cloud):
    assert cloud.ledger.receive(FIRST) == "RECEIVED"
    first = cloud.ledger.entry(FIRST)
    assert cloud.ledger.receive(FIRST) == "RECEIVED"
    assert cloud.ledger.entry(FIRST) == first
    cloud.ledger.reject(FIRST, reasons={"file_is_not_empty": 1})
    assert cloud.ledger.receive(FIRST) == "REJECTED"


def test_a_claim_takes_the_version_and_the_lease_of_its_key(cloud: Cloud):
    accepted(cloud, FIRST)
    ledger = at(cloud, 1000.0)
    assert claim(ledger, FIRST, "run-v1")
    assert ledger.entry(FIRST) | {"status": "CLEANING", "run_id": "run-v1"} == ledger.entry(FIRST)
    head = ledger.head(FIRST)
    assert (head["lease_owner"], head["lease_until"]) == ("run-v1", 1100)


def test_the_same_run_may_claim_again(cloud: Cloud):
    accepted(cloud, FIRST)
    assert claim(cloud.ledger, FIRST, "run-v1")
    assert claim(cloud.ledger, FIRST, "run-v1")


def test_a_key_is_busy_while_another_run_holds_it(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    accepted(cloud, SECOND)
    with pytest.raises(SourceBusy):
        claim(cloud.ledger, SECOND, "run-v2")
    assert status(cloud, SECOND) == "RECEIVED"


def test_the_lease_of_a_dead_run_ends(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(at(cloud, 1000), FIRST, "run-v1")
    with pytest.raises(SourceBusy):
        claim(at(cloud, 1100), FIRST, "another")
    assert claim(at(cloud, 1101), FIRST, "another")
    assert cloud.ledger.entry(FIRST)["run_id"] == "another"
    with pytest.raises(LeaseLost):
        cloud.ledger.hold(FIRST, run_id="run-v1", lease_seconds=100)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_three_versions_in_any_order_only_the_latest_stays(cloud: Cloud, order: tuple[int, ...]):
    versions = [replace(FIRST, version_id=f"v{number}", sequencer=f"0{number}") for number in range(3)]
    for number in order:
        accepted(cloud, versions[number])
    claimed = [claim(cloud.ledger, versions[number], f"run-v{number}") for number in order]
    assert [number for number, done in zip(order, claimed, strict=True) if done] == [2]
    assert [status(cloud, version) for version in versions] == ["SUPERSEDED", "SUPERSEDED", "CLEANING"]


def test_sequencers_of_different_lengths_are_compared_as_aws_says(cloud: Cloud):
    longer = replace(FIRST, version_id="v2", sequencer="0A1")
    accepted(cloud, longer, FIRST)
    assert status(cloud, FIRST) == "SUPERSEDED"


def test_a_newer_version_does_not_wait_for_an_overtaken_one(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    accepted(cloud, SECOND)
    assert not claim(cloud.ledger, FIRST, "run-v1")
    assert claim(cloud.ledger, SECOND, "run-v2")


def test_a_rejected_newer_version_does_not_overtake_a_good_one(cloud: Cloud):
    cloud.ledger.receive(SECOND)
    cloud.ledger.reject(SECOND)
    accepted(cloud, FIRST)
    assert claim(cloud.ledger, FIRST, "run-v1")


def test_what_is_decided_is_not_claimed_again(cloud: Cloud):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert not claim(cloud.ledger, FIRST, "another")
    assert status(cloud, FIRST) == "PUBLISHED"


def test_an_unknown_version_cannot_be_claimed(cloud: Cloud):
    with pytest.raises(ClaimRefused, match="unknown"):
        claim(cloud.ledger, FIRST, "run-v1")


def test_a_failed_version_says_why_and_frees_its_key(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    assert cloud.ledger.fail(FIRST, run_id="run-v1", error="RowsLost", cause="7 != 8") == "FAILED"
    entry = cloud.ledger.entry(FIRST)
    assert (entry["error"], entry["cause"]) == ("RowsLost", "7 != 8")
    accepted(cloud, SECOND)
    assert claim(cloud.ledger, SECOND, "run-v2")


def test_failing_does_not_touch_what_another_run_works_on(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(at(cloud, 1000), FIRST, "run-v1")
    claim(at(cloud, 2000), FIRST, "another")
    assert cloud.ledger.fail(FIRST, run_id="run-v1", error="Late", cause="") == "CLEANING"
    assert cloud.ledger.head(FIRST)["lease_owner"] == "another"


def test_a_failed_version_is_claimed_again_only_when_reopened(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.fail(FIRST, run_id="run-v1", error="RowsLost", cause="")
    with pytest.raises(ClaimRefused, match="FAILED"):
        claim(cloud.ledger, FIRST, "run-v1-2")
    assert cloud.ledger.reopen(FIRST) == 2
    assert claim(cloud.ledger, FIRST, "run-v1-2")
    with pytest.raises(ClaimRefused, match="has not failed"):
        cloud.ledger.reopen(FIRST)


def test_a_write_that_meets_another_writer_is_tried_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    conflicts = iter([True, True])
    real = cloud.dynamodb.transact_write_items

    def contended(**request: object) -> object:
        if next(conflicts, False):
            answer = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
            }
            raise cloud.dynamodb.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        return real(**request)

    monkeypatch.setattr(cloud.dynamodb, "transact_write_items", contended)
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert status(cloud, FIRST) == "PUBLISHED"


def test_a_late_claim_of_an_undone_run_does_not_take_what_is_tried_again(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.begin_undoing(FIRST, run_id="run-v1")
    cloud.ledger.fail(FIRST, run_id="run-v1", error="E", cause="c")
    cloud.ledger.reopen(FIRST)
    with pytest.raises(SourceBusy):
        claim(cloud.ledger, FIRST, "run-v1")
    assert claim(cloud.ledger, FIRST, "run-v1-2")
