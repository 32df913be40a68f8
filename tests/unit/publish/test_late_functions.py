"""A function given up for dead that goes on after its run, and perhaps after the next version's, changes nothing."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from sluice.errors import LeaseLost, ManifestMissing, SluiceError
from sluice.publish import publisher
from tests.unit.cloud import WORK, Cloud
from tests.unit.moments import this_moment
from tests.unit.sales_rows import as_csv
from tests.unit.stalls import stalled
from tests.unit.two_versions import ERROR, FIRST, GOOD, SECOND, later, objects

NEWEST = as_csv(*GOOD, {"sale_date": "2025-06-05"})


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls have the same numbers every time."""
    monkeypatch.setattr(publisher, "THREADS", 1)


class Key:
    """One key with two versions: the first is published, the second is being so."""

    def __init__(self, cloud: Cloud, *, until: str) -> None:
        self.cloud = cloud
        self.key = "sales/S001/2025-03-05.csv"
        first = cloud.put(self.key, FIRST, "01")
        cloud.run(first)
        self.first = objects(cloud)
        self.second = cloud.put(self.key, SECOND, "02")
        cloud.run(self.second, until=until)
        self.task = cloud.task(self.second)

    def stand(self) -> dict[str, str]:
        return objects(self.cloud)

    def publish(self) -> None:
        self.cloud.invoke("publish", self.task)

    def complete(self) -> None:
        self.cloud.invoke("complete", self.task)

    def fail(self) -> None:
        self.cloud.invoke("undo", {**self.task, "error": ERROR})

    def latest(self) -> None:
        """The next version goes all the way."""
        source = self.cloud.put(self.key, NEWEST, "03")
        self.cloud.validate(source)
        run = self.cloud.task(source)["run_id"]
        # The lease of a run that nobody could end has expired by then.
        assert later(self.cloud).claim(source, run_id=run, lease_seconds=100, engine="polars")
        for state in ("clean", "reconcile", "publish", "complete", "remove_replaced"):
            self.cloud.step(state, source)
        assert self.months() == {"2025-03", "2025-06"}

    def months(self) -> set[str]:
        return {key.split("sale_month=")[1][:7] for key in self.stand() if "sale_month" in key}


def every_stall(
    cloud: Cloud, state: str, *, until: str, meanwhile: Callable[[Key], None], **more: Any
) -> Iterator[tuple[Key, dict[str, str], str]]:
    """Let a state stall at each of its changes while something else happens, and then go on.

    Yields the key, what stood when the state went on, and the call.
    """
    key = Key(cloud, until=until)
    back = this_moment()
    for at in count(1):
        back()
        stood: dict[str, str] = {}

        def happen(stood: dict[str, str] = stood) -> None:
            meanwhile(key)
            stood.update(key.stand())

        with stalled(cloud.module(state), at=at, meanwhile=happen) as calls, suppress(SluiceError):
            cloud.invoke(state, {**key.task, **more})
        if len(calls) < at:
            assert at > 3, "too few calls to be true"
            return
        yield key, stood, f"call {at}, {calls[at - 1]}"


def completed_and_overtaken(key: Key) -> None:
    key.publish()
    key.complete()
    key.latest()


def failed_and_overtaken(key: Key) -> None:
    key.fail()
    key.latest()


@pytest.mark.parametrize(
    "meanwhile", [completed_and_overtaken, Key.fail, failed_and_overtaken, Key.latest], ids=lambda f: f.__name__
)
def test_a_late_publish_changes_nothing(cloud: Cloud, meanwhile: Callable[[Key], None]):
    for key, stood, call in every_stall(cloud, "publish", until="reconcile", meanwhile=meanwhile):
        assert key.stand() == stood, call


def test_a_late_undo_changes_nothing(cloud: Cloud):
    for key, stood, call in every_stall(cloud, "undo", until="publish", meanwhile=failed_and_overtaken, error=ERROR):
        assert key.stand() == stood, call


def test_a_source_is_either_completed_or_undone(cloud: Cloud):
    ends = set()

    def complete(key: Key) -> None:
        with suppress(LeaseLost, ManifestMissing):
            key.complete()

    for key, stood, call in every_stall(cloud, "undo", until="publish", meanwhile=complete, error=ERROR):
        status = cloud.ledger.entry(key.second)["status"]
        assert (status, key.stand()) in [("PUBLISHED", stood), ("FAILED", key.first)], call
        ends.add(status)
    assert ends == {"PUBLISHED", "FAILED"}


def test_a_late_complete_promises_nothing(cloud: Cloud):
    for key, stood, call in every_stall(cloud, "complete", until="publish", meanwhile=Key.fail):
        status = cloud.ledger.entry(key.second)["status"]
        assert key.stand() == stood, call
        assert (status == "PUBLISHED") == (stood != key.first), call


def test_a_late_function_that_cannot_even_read_takes_back_what_it_wrote(cloud: Cloud):
    key = Key(cloud, until="reconcile")

    def fail_and_expire() -> None:
        key.fail()
        staged = f"runs/{key.task['run_id']}/{key.second.id}/published/"
        for entry in cloud.s3.list_objects_v2(Bucket=WORK, Prefix=staged)["Contents"]:
            cloud.s3.delete_object(Bucket=WORK, Key=entry["Key"])

    # The second copy stalls; the first one is made, and the undoing has seen it.
    with stalled(cloud.module("publish"), at=5, meanwhile=fail_and_expire) as calls, pytest.raises(LeaseLost):
        key.publish()
    assert calls[3:5] == ["CopyObject", "CopyObject"]
    assert key.stand() == key.first
