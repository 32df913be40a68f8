"""A crash at any point: the table has what was published before, or exactly the rows of the completed version."""

from collections.abc import Iterator
from itertools import count

from sluice.aws.object_version import ObjectVersion
from tests.unit.cloud import Cloud
from tests.unit.faults import Died, dying
from tests.unit.moments import this_moment
from tests.unit.two_versions import ERROR, THIRD, fail, later, objects, published_then_changed, rows

KEY = "sales/S001/2025-03-05.csv"


def deaths(cloud: Cloud, state: str, source: ObjectVersion) -> Iterator[int]:
    """From this moment on, and from it again, the state has died before its first change, after it, after the next, …
    Yields after how many."""
    back = this_moment()
    yield 0
    for after in count(1):
        back()
        with dying(cloud.module(state), after=after):
            try:
                cloud.step(state, source, error=ERROR)
            except Died:
                pass
            else:
                assert after > 2, "too few changes to be true"
                return
        yield after


def seen(cloud: Cloud, source: ObjectVersion) -> list[tuple[str, int]]:
    """(month, rows) of one key, as readers see them."""
    return [(month, number) for month, _, number in rows(cloud, source)]


def test_publish_dies_at_any_call_and_is_undone(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="reconcile")
    before = objects(cloud)
    for after in deaths(cloud, "publish", second):
        fail(cloud, second)
        assert objects(cloud) == before, after
        assert seen(cloud, second) == [("2025-03", 7), ("2025-04", 1)]
        assert "lease_owner" not in cloud.ledger.head(second)


def test_publish_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="reconcile")
    run = cloud.task(second)["run_id"]
    for after in deaths(cloud, "publish", second):
        cloud.step("publish", second)
        cloud.step("complete", second)
        cloud.step("remove_replaced", second)
        assert rows(cloud, second) == [("2025-03", run, 6), ("2025-04", run, 1), ("2025-05", run, 2)], after


def test_publish_dies_for_good_and_the_next_version_clears_up(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="reconcile")
    for after in deaths(cloud, "publish", second):
        third = cloud.put(KEY, THIRD, "03")
        cloud.validate(third)
        run = cloud.task(third)["run_id"]
        assert later(cloud).claim(third, run_id=run, lease_seconds=100, engine="polars")
        for state in ("clean", "reconcile", "publish", "complete", "remove_replaced"):
            cloud.step(state, third)
        assert rows(cloud, third) == [("2025-03", run, 6), ("2025-05", run, 1)], after
        assert cloud.lake("quarantine/sales/") == []


def test_publish_dies_for_good_and_the_next_version_fails_too(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="reconcile")
    before = objects(cloud)
    for after in deaths(cloud, "publish", second):
        third = cloud.put(KEY, THIRD, "03")
        cloud.validate(third)
        later(cloud).claim(third, run_id=cloud.task(third)["run_id"], lease_seconds=100, engine="polars")
        # Half of them fail before publishing, half after it.
        for state in ("clean", "reconcile", "publish") if after % 2 else ("clean",):
            cloud.step(state, third)
        fail(cloud, third)
        assert objects(cloud) == before, after
        assert seen(cloud, third) == [("2025-03", 7), ("2025-04", 1)]


def test_undo_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="reconcile")
    before = objects(cloud)
    cloud.step("publish", second)
    for after in deaths(cloud, "undo", second):
        fail(cloud, second)
        assert objects(cloud) == before, after
        assert seen(cloud, second) == [("2025-03", 7), ("2025-04", 1)]
        assert cloud.ledger.entry(second)["status"] == "FAILED"


def test_the_removal_of_what_was_replaced_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="complete")
    for after in deaths(cloud, "remove_replaced", second):
        cloud.step("remove_replaced", second)
        assert seen(cloud, second) == [("2025-03", 6), ("2025-04", 1), ("2025-05", 2)], after
        assert len(cloud.lake("manifests/")) == 1, after


def test_complete_dies_at_any_call_and_undo_knows_whether_it_had_been_completed(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="publish")
    ends = set()
    for after in deaths(cloud, "complete", second):
        fail(cloud, second)
        cloud.step("remove_replaced", second)
        status = cloud.ledger.entry(second)["status"]
        assert (status, seen(cloud, second)) in [
            ("FAILED", [("2025-03", 7), ("2025-04", 1)]),
            ("PUBLISHED", [("2025-03", 6), ("2025-04", 1), ("2025-05", 2)]),
        ], after
        assert "lease_owner" not in cloud.ledger.head(second)
        ends.add(status)
    assert ends == {"FAILED", "PUBLISHED"}
