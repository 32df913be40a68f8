"""Whatever dies where: readers see what stood before, or exactly the rows of the version that was completed."""

from collections.abc import Callable, Iterator
from itertools import count

import polars as pl
import pytest

from sluice.errors import CannotRestore, LeaseLost
from sluice.ledger import Ledger
from sluice.objects import ObjectVersion
from tests.unit.cloud import LAKE, LEDGER, WORK, Cloud
from tests.unit.faults import Died, dying
from tests.unit.sales_rows import as_csv

MARCH, APRIL, MAY = {"sale_date": "2025-03-05"}, {"sale_date": "2025-04-05"}, {"sale_date": "2025-05-05"}
BAD = {"channel": "fax"}
GOOD = [{}] * 6
FIRST = as_csv(*GOOD, MARCH, APRIL)
SECOND = as_csv(*GOOD, APRIL, MAY, MAY, BAD)
THIRD = as_csv(*GOOD, MAY)


def rows(cloud: Cloud, source: ObjectVersion) -> list[tuple[str, str, int]]:
    """(month, run, rows) of one key, as readers see them."""
    table = cloud.table()
    if table.is_empty():
        return []
    mine = table.filter(pl.col("_source_key") == source.uri)
    return sorted(mine.group_by("sale_month", "_run_id").len().rows())


def stand(cloud: Cloud, source: ObjectVersion) -> dict[str, str]:
    return {key: version for key, version in cloud.stand().items() if source.hash in key}


def published_then_changed(cloud: Cloud, key: str, *, until: str) -> tuple[ObjectVersion, ObjectVersion]:
    """Publish FIRST under a key, then take SECOND up to a state."""
    first = cloud.put(key, FIRST, "01")
    cloud.run(first)
    second = cloud.put(key, SECOND, "02")
    cloud.run(second, until=until)
    return first, second


def deaths(cloud: Cloud, state: str, prepare: Callable[[str], ObjectVersion]) -> Iterator[ObjectVersion]:
    """Yield sources of their own: the state has died before its first change, after it, after the next, …"""
    yield prepare("sales/S000/2025-03-05.csv")
    for after in count(1):
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


def fail(cloud: Cloud, source: ObjectVersion) -> None:
    cloud.step("undo", source, error={"Error": "Test", "Cause": "a test"})


def later(cloud: Cloud) -> Ledger:
    """The ledger when every lease of now has ended."""
    return Ledger(cloud.dynamodb, LEDGER, clock=lambda: 4e9)


def test_a_new_version_replaces_exactly_its_own_rows(cloud: Cloud):
    other = cloud.put("sales/S999/2025-03-05.csv", FIRST)
    cloud.run(other)
    before = rows(cloud, other)
    _, second = published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="complete")
    run = cloud.task(second)["run_id"]
    assert rows(cloud, second) == [("2025-03", run, 6), ("2025-04", run, 1), ("2025-05", run, 2)]
    assert rows(cloud, other) == before
    assert len(cloud.lake(f"quarantine/sales/{second.hash}")) == 1


def test_rows_that_the_new_version_has_no_longer_are_gone_with_their_partitions(cloud: Cloud):
    published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="complete")
    third = cloud.put("sales/S001/2025-03-05.csv", as_csv(MAY), "03")
    cloud.run(third)
    names = {key.split("/", 1)[1].rsplit("/", 1)[0] for key in cloud.lake()}
    assert names == {"sales/sale_month=2025-05", "sales"}
    assert not cloud.lake("quarantine/")


def test_the_same_upload_again_leaves_the_same_rows(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST, "01")
    cloud.run(first)
    keys, before = cloud.lake(), cloud.table().drop("_run_id")
    again = cloud.put("sales/S001/2025-03-05.csv", FIRST, "02")
    cloud.run(again)
    assert cloud.lake() == keys
    assert cloud.table().drop("_run_id").equals(before)


def test_an_empty_version_takes_all_rows_out(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST, "01")
    cloud.run(first)
    empty = cloud.put("sales/S001/2025-03-05.csv", as_csv(), "02")
    cloud.run(empty)
    assert cloud.lake("published/") == []
    assert cloud.ledger.entry(empty)["published"] == 0


def test_undo_brings_the_very_object_versions_back(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST)
    cloud.run(first)
    before = stand(cloud, first)
    second = cloud.put("sales/S001/2025-03-05.csv", SECOND, "02")
    cloud.run(second, until="publish")
    assert stand(cloud, first) != before
    fail(cloud, second)
    assert stand(cloud, first) == before


def test_undo_twice_and_undo_of_a_first_version(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST)
    cloud.run(first, until="publish")
    fail(cloud, first)
    fail(cloud, first)
    assert stand(cloud, first) == {}
    assert cloud.ledger.entry(first)["status"] == "FAILED"


def test_a_completed_source_is_not_undone(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST)
    cloud.run(first)
    before = stand(cloud, first)
    assert cloud.step("undo", first, error={"Error": "Late", "Cause": ""})["status"] == "PUBLISHED"
    assert stand(cloud, first) == before


def test_what_a_function_given_up_for_dead_writes_late_is_cleared_by_the_next_version(cloud: Cloud):
    _, second = published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="clean")
    late = {**cloud.task(second)}
    cloud.step("publish", second)
    fail(cloud, second)
    prefix = f"runs/{late['run_id']}/{second.id}/"
    staged = f"published/sale_month=2025-05/{second.hash}-000.parquet"
    target = f"published/sales/sale_month=2025-05/{second.hash}-000.parquet"
    cloud.s3.copy_object(Bucket=LAKE, Key=target, CopySource={"Bucket": WORK, "Key": prefix + staged})
    third = cloud.put("sales/S001/2025-03-05.csv", FIRST, "03")
    cloud.run(third)
    run = cloud.ledger.entry(third)["run_id"]
    assert rows(cloud, third) == [("2025-03", run, 7), ("2025-04", run, 1)]
    assert "undo" not in cloud.ledger.head(third)


def test_an_expired_undo_record_does_not_stop_the_next_version(cloud: Cloud):
    _, second = published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="publish")
    fail(cloud, second)
    cloud.s3.delete_object(Bucket=WORK, Key=cloud.ledger.head(second)["undo"])
    third = cloud.put("sales/S001/2025-03-05.csv", THIRD, "03")
    cloud.run(third)
    assert {run for _, run, _ in rows(cloud, third)} == {cloud.ledger.entry(third)["run_id"]}


def test_undo_says_when_a_promised_version_is_gone(cloud: Cloud):
    first = cloud.put("sales/S001/2025-03-05.csv", FIRST)
    cloud.run(first)
    gone = next(key for key in stand(cloud, first) if "2025-04" in key)
    version = stand(cloud, first)[gone]
    second = cloud.put("sales/S001/2025-03-05.csv", SECOND, "02")
    cloud.run(second, until="publish")
    cloud.s3.delete_object(Bucket=LAKE, Key=gone, VersionId=version)
    with pytest.raises(CannotRestore, match="2025-04"):
        fail(cloud, second)
    assert cloud.ledger.entry(second)["status"] == "CLEANING"


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


def test_a_run_that_lost_its_lease_publishes_nothing(cloud: Cloud):
    first, second = published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="reconcile")
    before = stand(cloud, first)
    assert later(cloud).claim(second, run_id="another", lease_seconds=100, engine="polars")
    with pytest.raises(LeaseLost):
        cloud.invoke("publish", {**cloud.task(second), "run_id": cloud.task(first)["run_id"]})
    assert stand(cloud, first) == before
