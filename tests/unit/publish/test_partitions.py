from dataclasses import replace

import pytest

from sluice.manifest import Manifest, PartitionCount
from sluice.publish import partitions
from tests.unit.cloud import DATABASE, Cloud
from tests.unit.publish.test_tables import MANIFEST, ensure, table


def registered(cloud: Cloud) -> dict[str, str]:
    """Value → location."""
    pages = cloud.glue.get_paginator("get_partitions").paginate(DatabaseName=DATABASE, TableName="sales")
    found = [partition for page in pages for partition in page["Partitions"]]
    return {partition["Values"][0]: partition["StorageDescriptor"]["Location"] for partition in found}


def test_partitions_have_the_table_s_columns_and_the_exact_values(cloud: Cloud):
    ensure(cloud)
    assert partitions.register(cloud.glue, DATABASE, MANIFEST) == 2
    assert registered(cloud) == {
        "2025-03": "s3://lake/published/sales/month=2025-03/",
        "a b=1": "s3://lake/published/sales/month=a b%3D1/",
    }
    one = cloud.glue.get_partition(DatabaseName=DATABASE, TableName="sales", PartitionValues=["a b=1"])["Partition"]
    assert one["StorageDescriptor"]["Columns"] == table(cloud)["StorageDescriptor"]["Columns"]


def test_what_the_catalog_has_already_is_no_new_partition(cloud: Cloud):
    ensure(cloud)
    partitions.register(cloud.glue, DATABASE, MANIFEST, MANIFEST.partitions[:1])
    assert partitions.register(cloud.glue, DATABASE, MANIFEST) == 1
    assert partitions.register(cloud.glue, DATABASE, MANIFEST) == 0


def test_a_table_without_partitions_gets_none(cloud: Cloud):
    unpartitioned = replace(MANIFEST, partition_columns=[], partitions=[PartitionCount({}, "", 3)])
    ensure(cloud, unpartitioned)
    assert partitions.register(cloud.glue, DATABASE, unpartitioned) == 0


def many(number: int) -> Manifest:
    return replace(
        MANIFEST, partitions=[PartitionCount({"month": f"{n:04}"}, f"month={n:04}", 1) for n in range(number)]
    )


def test_more_partitions_than_one_call_takes_are_made_in_several(cloud: Cloud):
    ensure(cloud)
    assert partitions.register(cloud.glue, DATABASE, many(101)) == 101
    assert len(registered(cloud)) == 101


def test_a_partition_that_glue_does_not_register_is_an_error(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    ensure(cloud)
    detail = {"ErrorCode": "ResourceNumberLimitExceededException", "ErrorMessage": "too many"}
    refused = {"Errors": [{"PartitionValues": ["2025-03"], "ErrorDetail": detail}]}
    monkeypatch.setattr(cloud.glue, "batch_create_partition", lambda **_: refused)
    with pytest.raises(OSError, match="too many"):
        partitions.register(cloud.glue, DATABASE, MANIFEST)
