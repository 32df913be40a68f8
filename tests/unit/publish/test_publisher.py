"""A new version's objects come beside the old ones, which are removed once the new ones are promised to readers."""

from dataclasses import replace
from typing import Any

import pytest

from sluice.contract import registry
from sluice.errors import LeaseLost, ManifestMissing, TableDisagrees
from tests.unit.cloud import DATABASE, LAKE, RAW, Cloud
from tests.unit.sales_rows import as_csv
from tests.unit.two_versions import FIRST, MAY, SECOND, THIRD, fail, later, partitions, published_then_changed, rows

KEY = "sales/S001/2025-03-05.csv"


def test_a_new_version_replaces_exactly_its_own_rows(cloud: Cloud):
    other = cloud.put("sales/S999/2025-03-05.csv", FIRST)
    cloud.run(other)
    before = rows(cloud, other)
    _, second = published_then_changed(cloud, KEY, until="remove_replaced")
    run = cloud.task(second)["run_id"]
    assert rows(cloud, second) == [("2025-03", run, 6), ("2025-04", run, 1), ("2025-05", run, 2)]
    assert rows(cloud, other) == before
    assert len(cloud.lake("quarantine/sales/")) == 1


def test_nothing_that_readers_see_is_overwritten_or_removed_before_the_new_version_is_promised(cloud: Cloud):
    first = cloud.put(KEY, FIRST, "01")
    cloud.run(first)
    before = cloud.stand()
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="complete")
    assert before.items() < cloud.stand().items()
    cloud.step("remove_replaced", second)
    assert before.keys().isdisjoint(cloud.stand())


def test_rows_that_the_new_version_has_no_longer_are_gone_and_their_partitions_stay_registered(cloud: Cloud):
    published_then_changed(cloud, KEY, until="remove_replaced")
    cloud.run(cloud.put(KEY, as_csv(MAY), "03"))
    assert partitions(cloud) == {"2025-03", "2025-04", "2025-05"}
    names = {key.split("/", 1)[1].rsplit("/", 1)[0] for key in cloud.lake("published/")}
    assert names == {"sales/sale_month=2025-05"}
    assert not cloud.lake("quarantine/")


def test_the_same_upload_again_leaves_the_same_rows(cloud: Cloud):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    before = cloud.table().drop("_run_id", "$path")
    cloud.run(cloud.put(KEY, FIRST, "02"))
    assert cloud.table().drop("_run_id", "$path").equals(before)


def test_an_empty_version_takes_all_rows_out(cloud: Cloud):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    empty = cloud.put(KEY, as_csv(), "02")
    cloud.run(empty)
    assert cloud.lake("published/") == []
    assert cloud.ledger.entry(empty)["published"] == 0


def test_a_key_whose_dataset_has_a_new_name_moves_its_rows_between_the_tables(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    renamed = replace(registry.load("sales"), name="shop_sales")
    monkeypatch.setattr(registry, "contracts", lambda: {"shop_sales": renamed})
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="publish")
    fail(cloud, second)
    assert (cloud.table("sales").height, cloud.table("shop_sales").height) == (8, 0)
    cloud.run(cloud.put(KEY, SECOND, "03"))
    assert (cloud.table("sales").height, cloud.table("shop_sales").height) == (0, 9)


def test_a_run_whose_types_the_table_has_not_leaves_table_and_rows_as_they_were(cloud: Cloud):
    first = cloud.put(KEY, FIRST)
    cloud.run(first)
    table = cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    storage = table["StorageDescriptor"]
    columns = [{**each, "Type": "int"} if each["Name"] == "quantity" else each for each in storage["Columns"]]
    other = {"Name": "sales", "TableType": table["TableType"], "PartitionKeys": table["PartitionKeys"]}
    changed = {**other, "Parameters": table["Parameters"], "StorageDescriptor": {**storage, "Columns": columns}}
    cloud.glue.update_table(DatabaseName=DATABASE, TableInput=changed)
    found, before = cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"], cloud.stand()
    second = cloud.put(KEY, SECOND, "02")
    with pytest.raises(TableDisagrees, match="quantity is bigint, which readers cannot take as int"):
        cloud.run(second, until="publish")
    fail(cloud, second)
    assert cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"] == found
    assert cloud.stand() == before
    assert partitions(cloud) == {"2025-03", "2025-04"}


def test_undo_leaves_what_readers_had_and_the_partitions_that_were_registered_meanwhile(cloud: Cloud):
    cloud.run(cloud.put(KEY, FIRST))
    before = cloud.stand()
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="publish")
    assert cloud.stand() != before
    fail(cloud, second)
    assert cloud.stand() == before
    assert partitions(cloud) == {"2025-03", "2025-04", "2025-05"}
    assert cloud.ledger.head(second)["pending"] == []


def test_undo_twice_and_undo_of_a_first_version(cloud: Cloud):
    first = cloud.put(KEY, FIRST)
    cloud.run(first, until="publish")
    fail(cloud, first)
    fail(cloud, first)
    assert cloud.stand() == {}
    assert cloud.ledger.entry(first)["status"] == "FAILED"


def test_a_completed_source_is_not_undone(cloud: Cloud):
    first = cloud.put(KEY, FIRST)
    cloud.run(first)
    before = cloud.stand()
    assert cloud.step("undo", first, error={"Error": "Late", "Cause": ""})["status"] == "PUBLISHED"
    assert cloud.stand() == before


def test_what_a_dead_run_had_published_is_removed_with_the_next_version(cloud: Cloud):
    published_then_changed(cloud, KEY, until="publish")
    third = cloud.put(KEY, THIRD, "03")
    cloud.validate(third)
    run = cloud.task(third)["run_id"]
    assert later(cloud).claim(third, run_id=run, lease_seconds=100, engine="polars")
    for state in ("clean", "reconcile", "publish", "complete", "remove_replaced"):
        cloud.step(state, third)
    assert {name for _, name, _ in rows(cloud, third)} == {run}
    head = cloud.ledger.head(third)
    assert (head["pending"], head["replaced"]) == ([], [])


@pytest.mark.parametrize("state", ["undo", "remove_replaced"])
def test_a_manifest_that_the_ledger_names_must_be_there(cloud: Cloud, state: str):
    _, second = published_then_changed(cloud, KEY, until="publish" if state == "undo" else "complete")
    named = cloud.ledger.head(second)["pending" if state == "undo" else "replaced"]
    for key in named:
        cloud.s3.delete_object(Bucket=LAKE, Key=key)
    status = cloud.ledger.entry(second)["status"]
    with pytest.raises(ManifestMissing, match="manifests/sales/"):
        cloud.step(state, second, error={"Error": "Test", "Cause": ""})
    assert named
    assert cloud.ledger.entry(second)["status"] == status


def test_a_run_that_lost_its_lease_publishes_nothing(cloud: Cloud):
    first, second = published_then_changed(cloud, KEY, until="reconcile")
    before = cloud.stand()
    assert later(cloud).claim(second, run_id="another", lease_seconds=100, engine="polars")
    with pytest.raises(LeaseLost):
        cloud.invoke("publish", {**cloud.task(second), "run_id": cloud.task(first)["run_id"]})
    assert cloud.stand() == before


def test_two_invocations_of_publish_leave_the_objects_of_the_first(cloud: Cloud):
    first = cloud.put(KEY, FIRST)
    cloud.run(first, until="publish")
    before = cloud.stand()
    assert cloud.step("publish", first)["new_partitions"] == 0
    assert cloud.stand() == before


def test_the_upload_whose_rows_were_replaced_is_tagged_and_the_published_one_is_not(cloud: Cloud):
    first, second = published_then_changed(cloud, KEY, until="remove_replaced")

    def tags(source: Any) -> dict[str, str]:
        found = cloud.s3.get_object_tagging(Bucket=RAW, Key=source.key, VersionId=source.version_id)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert tags(first)["sluice:status"] == "REPLACED"
    assert tags(second)["sluice:status"] == "PUBLISHED"
