from dataclasses import replace
from itertools import permutations

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.errors import ClaimRefused, LeaseLost, ManifestRefused, SourceBusy
from sluice.ledger.ledger import Ledger
from tests.unit.cloud import LEDGER, Cloud

FIRST = ObjectVersion(bucket="raw", key="sales/S1/2025-03-05.csv", version_id="v1", sequencer="0A", size=10)
SECOND = replace(FIRST, version_id="v2", sequencer="0B")


def claim(ledger: Ledger, source: ObjectVersion, run_id: str) -> bool:
    return ledger.claim(source, run_id=run_id, lease_seconds=100, engine="polars")


def published(ledger: Ledger, source: ObjectVersion, run_id: str, manifest: str) -> None:
    """Take a source of a run up to the end of Publish."""
    claim(ledger, source, run_id)
    ledger.begin_publishing(source, run_id=run_id, manifest=manifest)
    ledger.end_publishing(source, run_id=run_id, manifest=manifest)


def accepted(cloud: Cloud, *sources: ObjectVersion) -> None:
    for source in sources:
        cloud.ledger.receive(source)
        cloud.ledger.accept(source, run_id=f"run-{source.version_id}", dataset="sales")


def status(cloud: Cloud, source: ObjectVersion) -> str:
    return str(cloud.ledger.entry(source)["status"])


def at(cloud: Cloud, seconds: float) -> Ledger:
    return Ledger(cloud.dynamodb, LEDGER, clock=lambda: seconds)


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


def test_completing_promises_the_version_and_gives_the_lease_back(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.begin_publishing(FIRST, run_id="run-v1", manifest="m1")
    cloud.ledger.end_publishing(FIRST, run_id="run-v1", manifest="m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1", rows=7, cleaning_seconds=0.25)
    head = cloud.ledger.head(FIRST)
    assert {"lease_owner", "lease_until", "ready_run", "ready_manifest"}.isdisjoint(head)
    assert (head["pending"], head["replaced"]) == ([], [])
    assert (head["published_version"], head["published_run"], head["published_manifest"]) == ("v1", "run-v1", "m1")
    assert float(cloud.ledger.entry(FIRST)["cleaning_seconds"]) == 0.25


def test_completing_again_changes_nothing(cloud: Cloud):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    before = cloud.ledger.head(FIRST)
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.head(FIRST) == before


def test_a_run_without_the_lease_completes_nothing(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(at(cloud, 1000), FIRST, "run-v1")
    claim(at(cloud, 2000), FIRST, "another")
    with pytest.raises(LeaseLost):
        cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert "published_run" not in cloud.ledger.head(FIRST)


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


def test_failing_after_completing_leaves_the_version_published(cloud: Cloud):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.fail(FIRST, run_id="run-v1", error="Late", cause="") == "PUBLISHED"


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


def test_a_run_whose_undoing_has_begun_publishes_and_completes_nothing(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.end_publishing(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.begin_undoing(FIRST, run_id="run-v1")
    assert cloud.ledger.head(FIRST)["lease_owner"] == "run-v1"
    assert not cloud.ledger.may_publish(FIRST, run_id="run-v1")
    for late in (
        lambda: cloud.ledger.hold(FIRST, run_id="run-v1", lease_seconds=100),
        lambda: cloud.ledger.begin_publishing(FIRST, run_id="run-v1", manifest="m1"),
        lambda: cloud.ledger.end_publishing(FIRST, run_id="run-v1", manifest="m2"),
        lambda: cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1"),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert cloud.ledger.fail(FIRST, run_id="run-v1", error="E", cause="c") == "FAILED"


def test_a_late_claim_of_an_undone_run_does_not_take_what_is_tried_again(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.begin_undoing(FIRST, run_id="run-v1")
    cloud.ledger.fail(FIRST, run_id="run-v1", error="E", cause="c")
    cloud.ledger.reopen(FIRST)
    with pytest.raises(SourceBusy):
        claim(cloud.ledger, FIRST, "run-v1")
    assert claim(cloud.ledger, FIRST, "run-v1-2")


def test_only_a_manifest_whose_objects_are_all_there_is_promised(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    cloud.ledger.begin_publishing(FIRST, run_id="run-v1", manifest="m1")
    with pytest.raises(ManifestRefused):
        cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    cloud.ledger.end_publishing(FIRST, run_id="run-v1", manifest="m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.head(FIRST)["published_manifest"] == "m1"


def test_what_was_published_and_what_dead_runs_left_is_to_be_removed(cloud: Cloud):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    accepted(cloud, SECOND)
    published(at(cloud, 1000), SECOND, "run-v2", "m2")
    published(at(cloud, 2000), SECOND, "run-v2-2", "m3")
    assert cloud.ledger.head(SECOND)["pending"] == ["m2", "m3"]
    cloud.ledger.complete(SECOND, run_id="run-v2-2", manifest="m3")
    head = cloud.ledger.head(SECOND)
    assert (head["published_manifest"], head["pending"], head["replaced"]) == ("m3", [], ["m1", "m2"])
    for manifest in ("m1", "m1", "m2"):
        cloud.ledger.removed(SECOND, manifest=manifest)
    head = cloud.ledger.head(SECOND)
    assert (head["replaced"], head["emptied"]) == ([], ["m1", "m2"])
    cloud.ledger.forget(SECOND, manifest="m1")
    assert cloud.ledger.head(SECOND)["emptied"] == ["m2"]


def test_what_changes_between_the_reading_and_the_promise_is_not_lost(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    accepted(cloud, FIRST)
    published(at(cloud, 1000), FIRST, "dead", "m0")
    published(cloud.ledger, FIRST, "run-v1", "m1")
    real = cloud.ledger.head
    others = iter([lambda: cloud.ledger.removed(FIRST, manifest="m0")])

    def overtaken(source: ObjectVersion) -> dict[str, object]:
        found = real(source)
        for other in others:
            other()
        return found

    monkeypatch.setattr(cloud.ledger, "head", overtaken)
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.head(FIRST)["replaced"] == []


def test_a_head_that_never_stays_as_it_was_read_is_busy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    monkeypatch.setattr(cloud.ledger, "head", lambda _: {"lease_owner": "run-v1", "pending": ["never"]})
    with pytest.raises(SourceBusy, match="again and again"):
        cloud.ledger.begin_publishing(FIRST, run_id="run-v1", manifest="m1")


def test_nobody_begins_to_undo_what_another_run_holds(cloud: Cloud):
    accepted(cloud, FIRST)
    claim(cloud.ledger, FIRST, "run-v1")
    assert not cloud.ledger.begin_undoing(FIRST, run_id="another")
    assert cloud.ledger.may_publish(FIRST, run_id="run-v1")
