"""People are told of a dataset that has published nothing for longer than its contract says: once a silence."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.cloud import Cloud
from tests.unit.sales_rows import as_csv


def watched(cloud: Cloud, last: datetime | None, hours: float) -> Any:
    now = (last or datetime.fromisoformat("2025-03-05T00:00:00+00:00")) + timedelta(hours=hours)
    return cloud.invoke("watch", cloud.event_of("watch") | {"time": now.isoformat()})


@pytest.fixture
def last(cloud: Cloud) -> datetime:
    """When the one file of sales was published; the contract expects one every 48 hours."""
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv({}))
    cloud.run(source)
    cloud.messages()
    return datetime.fromisoformat(cloud.ledger.entry(source)["published_at"])


def silent_datasets(printed: str) -> list[float]:
    sheets = [json.loads(line) for line in printed.splitlines() if '"StaleDatasets"' in line]
    assert {(sheet["service"], str(sheet["_aws"]["CloudWatchMetrics"][0]["Dimensions"])) for sheet in sheets} == {
        ("acme-sales", "[['service']]")
    }
    return [sheet["StaleDatasets"][0] for sheet in sheets]


def test_a_dataset_of_which_files_come_is_not_stale(cloud: Cloud, last: datetime, capsys: pytest.CaptureFixture[str]):
    assert watched(cloud, last, 47.9) == {"stale": [], "notified": [], "released": [], "unseen": 0}
    assert cloud.messages() == []
    assert silent_datasets(capsys.readouterr().out) == [0]


def test_a_stale_dataset_is_notified_once_and_counted_for_as_long_as_it_is(
    cloud: Cloud, last: datetime, capsys: pytest.CaptureFixture[str]
):
    assert watched(cloud, last, 48.5) == {"stale": ["sales"], "notified": ["sales"], "released": [], "unseen": 0}
    assert watched(cloud, last, 49.5) == {"stale": ["sales"], "notified": [], "released": [], "unseen": 0}
    assert silent_datasets(capsys.readouterr().out) == [1, 1]
    event, mail = sorted(cloud.messages(), key=lambda message: "Subject" in message)
    assert event["detail"] == {
        "dataset": "sales",
        "bucket": "acme-sales-raw",
        "last_published": last.isoformat(timespec="milliseconds"),
        "expected_every_hours": 48,
    }
    assert mail["Subject"] == "Sluice: sales is stale"
    assert "No file of sales was published for more than 48 hours." in mail["Message"]
    assert "sluice runs --dataset sales" in mail["Message"]


def test_a_dataset_that_never_published_is_not_stale(cloud: Cloud):
    assert watched(cloud, None, 9_999) == {"stale": [], "notified": [], "released": [], "unseen": 0}


def test_an_object_of_which_no_event_came_is_notified_once_and_counted_for_a_day(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
):
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv({}))
    uploaded = cloud.s3.head_object(Bucket=source.bucket, Key=source.key)["LastModified"]
    found = [watched(cloud, uploaded, hours)["unseen"] for hours in (0.1, 0.2, 1.2, 23.9, 24.1)]
    assert found == [0, 1, 1, 1, 0]
    assert '"UnseenObjects":[1.0]' in capsys.readouterr().out.replace(" ", "")
    event, mail = sorted(cloud.messages(), key=lambda message: "Subject" in message)
    assert event["detail"]["objects"] == [{"key": source.key, "version_id": source.version_id}]
    assert source.key in mail["Message"]
    assert f"sluice backfill s3://{source.bucket}/" in mail["Message"]


def test_what_is_in_the_ledger_or_superseded_or_a_folder_marker_is_not_missed(cloud: Cloud):
    old = cloud.put("sales/S001/2025-03-05.csv", as_csv({}))
    cloud.run(cloud.put(old.key, as_csv({}), "02"))
    cloud.s3.put_object(Bucket=old.bucket, Key="sales/", Body=b"")
    uploaded = cloud.s3.head_object(Bucket=old.bucket, Key=old.key)["LastModified"]
    assert watched(cloud, uploaded, 0.5)["unseen"] == 0
