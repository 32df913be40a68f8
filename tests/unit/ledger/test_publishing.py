"""What the ledger promises, and who may change it."""

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.errors import LeaseLost, ManifestRefused, SourceBusy
from tests.unit.cloud import Cloud
from tests.unit.ledger.versions import FIRST, SECOND, accepted, at, claim, published


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


def test_failing_after_completing_leaves_the_version_published(cloud: Cloud):
    accepted(cloud, FIRST)
    published(cloud.ledger, FIRST, "run-v1", "m1")
    cloud.ledger.complete(FIRST, run_id="run-v1", manifest="m1")
    assert cloud.ledger.fail(FIRST, run_id="run-v1", error="Late", cause="") == "PUBLISHED"


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
