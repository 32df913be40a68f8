"""Whatever dies where: readers see what stood before, or exactly the rows of the version that was completed."""

from collections.abc import Callable, Iterator
from itertools import count

from sluice.objects import ObjectVersion
from tests.unit.cloud import Cloud
from tests.unit.faults import Died, dying
from tests.unit.two_versions import THIRD, fail, later, published_then_changed, rows, stand


def deaths(cloud: Cloud, state: str, prepare: Callable[[str], ObjectVersion]) -> Iterator[ObjectVersion]:
    """Yield sources of their own: the state has died before its first change, after it, after the next, …"""
    yield prepare("sales/S000/2025-03-05.csv")
    for after in count(1):
        cloud.empty_lake()  # moto copies a whole bucket to list the versions of one key
        source = prepare(f"sales/S{after:03}/2025-03-05.csv")
        with dying(cloud.module(state), after=after):
            try:
                cloud.step(state, source, error={"Error": "Test", "Cause": "a test"})
            except Died:
                pass
            else:
                assert after > 2, "too few changes to be true"
                return
        yield source


def test_publish_dies_at_any_call_and_is_undone(cloud: Cloud):
    before = {}

    def prepare(key: str) -> ObjectVersion:
        first, second = published_then_changed(cloud, key, until="reconcile")
        before.update(stand(cloud, first))
        return second

    for source in deaths(cloud, "publish", prepare):
        fail(cloud, source)
        assert stand(cloud, source).items() <= before.items()
        assert [(month, number) for month, _, number in rows(cloud, source)] == [("2025-03", 7), ("2025-04", 1)]
        assert "lease_owner" not in cloud.ledger.head(source)


def test_publish_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    def prepare(key: str) -> ObjectVersion:
        return published_then_changed(cloud, key, until="reconcile")[1]

    for source in deaths(cloud, "publish", prepare):
        cloud.step("publish", source)
        cloud.step("complete", source)
        run = cloud.task(source)["run_id"]
        assert rows(cloud, source) == [("2025-03", run, 6), ("2025-04", run, 1), ("2025-05", run, 2)]


def test_publish_dies_for_good_and_the_next_version_clears_up(cloud: Cloud):
    def prepare(key: str) -> ObjectVersion:
        return published_then_changed(cloud, key, until="reconcile")[1]

    for source in deaths(cloud, "publish", prepare):
        third = cloud.put(source.key, THIRD, "03")
        cloud.validate(third)
        run = cloud.task(third)["run_id"]
        assert later(cloud).claim(third, run_id=run, lease_seconds=100, engine="polars")
        for state in ("clean", "reconcile", "publish", "complete"):
            cloud.step(state, third)
        assert rows(cloud, third) == [("2025-03", run, 6), ("2025-05", run, 1)]
        assert cloud.lake(f"quarantine/sales/{third.hash}") == []


def test_publish_dies_for_good_and_the_next_version_fails_too(cloud: Cloud):
    before = {}

    def prepare(key: str) -> ObjectVersion:
        first, second = published_then_changed(cloud, key, until="reconcile")
        before.update(stand(cloud, first))
        return second

    for number, source in enumerate(deaths(cloud, "publish", prepare)):
        third = cloud.put(source.key, THIRD, "03")
        cloud.validate(third)
        later(cloud).claim(third, run_id=cloud.task(third)["run_id"], lease_seconds=100, engine="polars")
        # Half of them fail before publishing, half after it.
        for state in ("clean", "reconcile", "publish") if number % 2 else ("clean",):
            cloud.step(state, third)
        fail(cloud, third)
        assert stand(cloud, third).items() <= before.items()
        assert [(month, rows) for month, _, rows in rows(cloud, third)] == [("2025-03", 7), ("2025-04", 1)]


def test_undo_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    before = {}

    def prepare(key: str) -> ObjectVersion:
        first, second = published_then_changed(cloud, key, until="reconcile")
        before.update(stand(cloud, first))
        cloud.step("publish", second)
        return second

    for source in deaths(cloud, "undo", prepare):
        fail(cloud, source)
        assert stand(cloud, source).items() <= before.items()
        assert [(month, rows) for month, _, rows in rows(cloud, source)] == [("2025-03", 7), ("2025-04", 1)]
        assert cloud.ledger.entry(source)["status"] == "FAILED"


def test_complete_dies_at_any_call_and_undo_knows_whether_it_had_been_completed(cloud: Cloud):
    def prepare(key: str) -> ObjectVersion:
        return published_then_changed(cloud, key, until="publish")[1]

    ends = set()
    for source in deaths(cloud, "complete", prepare):
        fail(cloud, source)
        status = cloud.ledger.entry(source)["status"]
        seen = [(month, number) for month, _, number in rows(cloud, source)]
        assert (status, seen) in [
            ("FAILED", [("2025-03", 7), ("2025-04", 1)]),
            ("PUBLISHED", [("2025-03", 6), ("2025-04", 1), ("2025-05", 2)]),
        ]
        assert "lease_owner" not in cloud.ledger.head(source)
        ends.add(status)
    assert ends == {"FAILED", "PUBLISHED"}
