"""A new version replaces the rows of its own key and no others; undoing it brings back what stood."""

import pytest

from sluice.errors import CannotRestore, LeaseLost
from tests.unit.cloud import LAKE, WORK, Cloud
from tests.unit.sales_rows import as_csv
from tests.unit.two_versions import FIRST, MAY, SECOND, THIRD, fail, later, published_then_changed, rows, stand


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


def test_a_run_that_lost_its_lease_publishes_nothing(cloud: Cloud):
    first, second = published_then_changed(cloud, "sales/S001/2025-03-05.csv", until="reconcile")
    before = stand(cloud, first)
    assert later(cloud).claim(second, run_id="another", lease_seconds=100, engine="polars")
    with pytest.raises(LeaseLost):
        cloud.invoke("publish", {**cloud.task(second), "run_id": cloud.task(first)["run_id"]})
    assert stand(cloud, first) == before
