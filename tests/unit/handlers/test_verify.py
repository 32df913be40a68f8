"""Verify compares the lake with the ledger on its schedule, and alerts when it finds a difference."""

from tests.unit.cloud import LAKE, Cloud
from tests.unit.sales_rows import as_csv
from tests.unit.two_versions import partitions

KEY = "sales/S001/2025-03-05.csv"


def test_a_lake_as_the_ledger_promises_raises_no_alert(cloud: Cloud):
    cloud.run(cloud.put(KEY, as_csv({}, {"channel": "fax"}, *[{}] * 9)))
    cloud.messages()

    assert cloud.invoke("verify", cloud.event_of("verify")) == {"differences": {}}
    assert cloud.messages() == []


def test_a_partition_that_was_emptied_raises_no_alert(cloud: Cloud):
    cloud.run(cloud.put(KEY, as_csv({}), "01"))
    cloud.run(cloud.put(KEY, as_csv(), "02"))
    cloud.messages()

    assert partitions(cloud)
    assert cloud.invoke("verify", cloud.event_of("verify")) == {"differences": {}}
    assert cloud.messages() == []


def test_a_promised_object_that_is_gone_is_reported_with_what_to_do(cloud: Cloud):
    cloud.run(cloud.put(KEY, as_csv({})))
    (key,) = cloud.lake("published/sales/")
    cloud.s3.delete_object(Bucket=LAKE, Key=key)
    cloud.messages()

    assert cloud.invoke("verify", cloud.event_of("verify")) == {"differences": {"object_missing": 1}}
    event, alert = sorted(cloud.messages(), key=lambda message: "detail-type" not in message)
    assert event["detail-type"] == "LakeDiffers"
    assert event["detail"]["differences"] == {"object_missing": 1}
    assert key in alert["Message"]
    assert "sluice replay" in alert["Message"]
