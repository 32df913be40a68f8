import json
from typing import Any

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.errors import LeaseLost, ManifestMissing
from tests.unit.cloud import RAW, Cloud
from tests.unit.sales_rows import as_csv

FILE = as_csv(*[{}] * 6, {"sale_date": "2025-04-05"}, {"channel": "fax"}, {"is_test": "yes"})


@pytest.fixture
def source(cloud: Cloud) -> ObjectVersion:
    source = cloud.put("sales/S001/2025-03-05.csv", FILE)
    cloud.run(source, until="publish")
    return source


def updates(cloud: Cloud) -> list[dict[str, Any]]:
    return [each["detail"] for each in cloud.messages() if each.get("detail-type") == "DatasetUpdated"]


def test_the_ledger_the_tags_and_an_event_hold_the_account(cloud: Cloud, source: ObjectVersion):
    cloud.step("complete", source)
    entry = cloud.ledger.entry(source)
    account = {name: entry[name] for name in ("status", "engine", "rows", "published", "quarantined", "discarded")}
    assert account == {
        "status": "PUBLISHED",
        "engine": "polars",
        "rows": 9,
        "published": 7,
        "quarantined": 1,
        "discarded": {"test_transaction": 1},
    }
    assert entry["cost_usd"] > 0
    tags = cloud.s3.get_object_tagging(Bucket=RAW, Key=source.key, VersionId=source.version_id)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags}["sluice:status"] == "PUBLISHED"
    assert len(tags) == 7
    [update] = updates(cloud)
    assert (update["source"], update["published"], update["run_id"]) == (source.uri, 7, entry["run_id"])
    assert update["partitions"] == ["sale_month=2025-03", "sale_month=2025-04"]


def test_the_metrics_of_a_file_are_under_its_dataset(
    cloud: Cloud, source: ObjectVersion, capsys: pytest.CaptureFixture[str]
):
    cloud.step("complete", source)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    sheet = lines[-1]
    assert sheet["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Sluice"
    assert sheet["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["dataset", "service"]]
    assert (sheet["dataset"], sheet["service"]) == ("sales", "acme-sales")
    assert (sheet["RowsPublished"], sheet["RowsQuarantined"], sheet["RowsDiscarded"]) == ([7.0], [1.0], [1.0])
    assert sheet["QuarantinedPercent"] == [pytest.approx(100 / 9)]
    assert sheet["EstimatedUsd"] == [pytest.approx(cloud.ledger.entry(source)["cost_usd"].__float__())]


def test_completing_again_notifies_again_and_changes_nothing(cloud: Cloud, source: ObjectVersion):
    cloud.step("complete", source)
    head, stand = cloud.ledger.head(source), cloud.stand()
    assert cloud.step("complete", source)["status"] == "PUBLISHED"
    assert (cloud.ledger.head(source), cloud.stand()) == (head, stand)
    assert len(updates(cloud)) == 2


def test_completing_says_of_how_many_manifests_the_objects_are_to_be_removed(cloud: Cloud, source: ObjectVersion):
    assert cloud.step("complete", source)["replaced"] == 0
    second = cloud.put(source.key, as_csv({}), "02")
    cloud.run(second, until="publish")
    assert cloud.step("complete", second)["replaced"] == 1
    cloud.step("remove_replaced", second)
    assert cloud.step("complete", second)["replaced"] == 0


def test_a_source_that_was_not_published_by_this_run_is_not_completed(cloud: Cloud, source: ObjectVersion):
    cloud.step("complete", source)
    second = cloud.put(source.key, as_csv({}), "02")
    cloud.run(second, until="reconcile")
    with pytest.raises(ManifestMissing):
        cloud.step("complete", second)
    assert cloud.ledger.entry(second)["status"] == "CLEANING"


def test_a_run_that_lost_the_lease_completes_nothing(cloud: Cloud, source: ObjectVersion):
    task = cloud.task(source)
    cloud.step("undo", source, error={"Error": "Test", "Cause": ""})
    cloud.ledger.reopen(source)
    cloud.run(source, until="publish")
    with pytest.raises((LeaseLost, ManifestMissing)):
        cloud.invoke("complete", task)
    assert updates(cloud) == []


def test_an_upload_deleted_meanwhile_is_completed_without_tags(cloud: Cloud, source: ObjectVersion):
    cloud.s3.delete_object(Bucket=RAW, Key=source.key, VersionId=source.version_id)
    assert cloud.step("complete", source)["status"] == "PUBLISHED"
    assert len(updates(cloud)) == 1
