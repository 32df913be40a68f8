"""Differences between an Iceberg table and the ledger are planted, named, and repaired by a commit."""

import time
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest

from cli.stack.connection import Stack
from cli.stack.repair_lake import repair
from sluice.aws.object_version import ObjectVersion
from sluice.maintain.merge import merge
from sluice.manifest import TableDeclaration
from sluice.publish.iceberg.commit import swap
from sluice.publish.iceberg.compaction import compact
from sluice.publish.lake import Lake, LakeManifest, read_manifest
from sluice.publish.verify import Difference, verify
from tests.unit.cloud import DATABASE, LAKE, LEDGER, RAW, Cloud
from tests.unit.handlers.test_commit import FORMER, KEY, NEWER, seen
from tests.unit.publish.iceberg.table_files import ensure, lake_of
from tests.unit.sales_rows import as_csv
from tests.unit.two_versions import FIRST, SECOND, fail

pytestmark = pytest.mark.usefixtures("iceberg")


def stack() -> Stack:
    session = SimpleNamespace(client=lambda service, config: boto3.client(service))
    names = {"LakeBucketName": LAKE, "LedgerTableName": LEDGER, "DatabaseName": DATABASE, "RawBucketName": RAW}
    return Stack("acme", session, names, local=True)


def found(cloud: Cloud, dataset: str | None = None) -> list[Difference]:
    return list(verify(cloud.module("verify").STORES, now=time.time(), dataset=dataset))


def show(cloud: Cloud, source: ObjectVersion, manifest: LakeManifest | None) -> None:
    lake, catalog = lake_of(cloud)
    swap(lake, catalog, "sales", {source.uri: manifest}, run_id="somebody", allowed=lambda: None)


def promised(cloud: Cloud, source: ObjectVersion) -> LakeManifest:
    return read_manifest(Lake(cloud.s3, LAKE), cloud.ledger.head(source)["published_manifest"])


@pytest.fixture
def first(cloud: Cloud) -> ObjectVersion:
    version = cloud.put(KEY, FIRST, "01")
    cloud.run(version)
    cloud.run(cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01"))
    return version


def check(cloud: Cloud, source: ObjectVersion, kinds: set[str], rows: list[tuple[str, int]]) -> None:
    """The differences are these, all can be repaired, and then there are none and the source has its rows."""
    differences = found(cloud)
    assert {each.kind for each in differences} == kinds
    assert {each.source for each in differences} == {source.uri}
    for each in differences:
        repair(stack(), each)
    assert found(cloud) == []
    assert seen(cloud, source) == rows
    assert seen(cloud, replace(source, key="sales/S002/2025-03-05.csv")) == [("2025-03", 1)]


def test_promised_files_that_are_not_in_the_snapshot_are_committed(cloud: Cloud, first: ObjectVersion):
    show(cloud, first, None)
    check(cloud, first, {"file_not_in_snapshot"}, FORMER)


def test_files_in_the_snapshot_that_nobody_promises_are_taken_out(cloud: Cloud, first: ObjectVersion):
    other = cloud.put("sales/S003/2025-03-05.csv", as_csv({"store_id": "S003"}), "01")
    cloud.run(other, until="publish")
    manifest = read_manifest(Lake(cloud.s3, LAKE), cloud.ledger.head(other)["pending"][0])
    fail(cloud, other)
    show(cloud, other, manifest)
    check(cloud, other, {"file_not_promised"}, [])


def test_the_files_of_the_version_before_are_swapped_for_the_promised_ones(cloud: Cloud, first: ObjectVersion):
    former = promised(cloud, first)
    cloud.run(cloud.put(KEY, SECOND, "02"))
    show(cloud, first, former)
    check(cloud, first, {"file_not_in_snapshot", "file_not_promised"}, NEWER)


@pytest.mark.parametrize("until", ["claim", "publish", "commit", "complete", "remove_replaced"])
def test_a_run_that_goes_on_is_no_difference(cloud: Cloud, first: ObjectVersion, until: str):
    cloud.run(cloud.put(KEY, SECOND, "02"), until=until)
    assert found(cloud) == []
    assert found(cloud, dataset="sales") == []


def test_a_repair_leaves_the_files_of_a_run_that_came_between(cloud: Cloud, first: ObjectVersion):
    show(cloud, first, None)
    differences = found(cloud)
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="commit")
    for each in differences:
        repair(stack(), each)
    assert seen(cloud, second) == NEWER


def test_a_table_whose_columns_somebody_changed_is_named(cloud: Cloud, first: ObjectVersion):
    account = promised(cloud, first).account
    declared = TableDeclaration(account.contract_version, account.schema[1:], [], account.partition_columns, {})
    ensure(*lake_of(cloud), "sales", declared)
    (difference,) = found(cloud)
    assert (difference.kind, difference.subject) == ("table_columns_differ", "sales")


def test_what_was_compacted_is_there_and_its_own_objects_may_be_deleted(
    cloud: Cloud, first: ObjectVersion, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sluice.publish.iceberg.compaction.FEWEST_FILES", 1)
    list(compact(*lake_of(cloud), "sales", merge, now=time.time() + 2 * 86_400))
    for key in promised(cloud, first).published:
        cloud.s3.delete_object(Bucket=LAKE, Key=key)
    assert found(cloud) == []
    third = cloud.put("sales/S001/2025-03-06.csv", as_csv({"store_id": "S001"}), "01")
    cloud.run(third)
    show(cloud, third, None)
    (difference,) = found(cloud)
    assert (difference.kind, difference.source) == ("file_not_in_snapshot", third.uri)
    repair(stack(), difference)
    compacted = [key for key in cloud.lake("published/sales/") if "/compacted-" in key]
    cloud.s3.delete_object(Bucket=LAKE, Key=compacted[0])
    assert [(each.kind, each.subject) for each in found(cloud)] == [("object_missing", compacted[0])]
