"""Commits to an Iceberg table against a Glue that refuses a version that is not the table's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from local import LocalAWS
from sluice.errors import LeaseLost
from sluice.publish.iceberg.commit import Commit, swap
from sluice.publish.lake import LakeManifest
from tests.unit.cloud import DATABASE, LAKE
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, rows, snapshots, source


@pytest.fixture
def cloud(aws: LocalAWS) -> Iterator[Any]:
    clients: Any = SimpleNamespace(s3=aws.client("s3"), glue=aws.client("glue"))
    clients.s3.create_bucket(Bucket=LAKE)
    clients.glue.create_database(DatabaseInput={"Name": DATABASE})
    ensure(*lake_of(clients), "sales", SALES)
    yield clients
    clients.glue.delete_table(DatabaseName=DATABASE, Name="sales")
    clients.glue.delete_database(Name=DATABASE)
    for key in clients.s3.list_objects_v2(Bucket=LAKE).get("Contents", []):
        clients.s3.delete_object(Bucket=LAKE, Key=key["Key"])
    clients.s3.delete_bucket(Bucket=LAKE)


def of_march(cloud: Any, name: str, run_id: str, quantity: int) -> LakeManifest:
    return publish_files(cloud, name, run_id, {"month=2025-03": [{"item": "tea", "quantity": quantity}]})


def test_runs_that_commit_at_once_all_commit(cloud: Any):
    manifests = {name: of_march(cloud, name, "run-1", number) for number, name in enumerate("abcdefgh")}

    def commit(name: str) -> Commit:
        wanted = {source(name): manifests[name]}
        return swap(*lake_of(cloud), "sales", wanted, run_id=f"run-{name}", allowed=lambda: None)

    with ThreadPoolExecutor(len(manifests)) as threads:
        commits = list(threads.map(commit, manifests))
    assert max(each.attempts for each in commits) > 1
    assert rows(cloud, "quantity", "_source_key") == [(number, source(name)) for number, name in enumerate(manifests)]
    assert [summary["total-records"] for summary in snapshots(cloud)] == [str(total) for total in range(1, 9)]


def test_a_late_commit_is_refused_after_the_undo(cloud: Any):
    undone = []

    def allowed() -> None:
        if undone:
            raise LeaseLost("run-1")
        undone.append("run-1")
        swap(*lake_of(cloud), "sales", {source("a"): None}, run_id="run-1", allowed=lambda: None, always=True)

    with pytest.raises(LeaseLost):
        swap(*lake_of(cloud), "sales", {source("a"): of_march(cloud, "a", "run-1", 1)}, run_id="run-1", allowed=allowed)
    assert rows(cloud, "quantity") == []
