import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sluice.contract.model import Contract
from sluice.contract.registry import contracts
from sluice.engines.accounting import declared_tables
from sluice.manifest import TableDeclaration
from tests.unit.cloud import DATABASE, EVENTS, LAKE, RAW, WORK, Cloud
from tests.unit.sales_rows import as_csv

WHEELS = b"a zip of wheels"


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL to answer at, and what was answered."""
    got: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(WHEELS)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer", got
    server.shutdown()
    server.server_close()


def ask(cloud: Cloud, url: str, **changes: Any) -> None:
    """Invoke the function as CloudFormation does; the layer's zip is what a GET of the URL answers."""
    cloud.module("setup").LAMBDA.get_layer_version_by_arn = lambda **_: {"Content": {"Location": url}}
    event = json.loads((EVENTS / "setup.json").read_text())
    cloud.invoke("setup", {**event, "ResponseURL": url, **changes})


def test_our_packages_lie_in_the_work_bucket_as_one_zip(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    [answer] = got
    assert (answer["Status"], answer["LogicalResourceId"]) == ("SUCCESS", "Setup")
    key = answer["Data"]["CodeUri"].removeprefix(f"s3://{WORK}/")
    body = cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read()
    names = zipfile.ZipFile(io.BytesIO(body)).namelist()
    assert {"sluice/__init__.py", "sluice/contract/model.py", "datasets/sales.py"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"sluice", "datasets"}
    assert all(name.endswith(".py") for name in names)


def test_the_wheels_of_the_glue_job_lie_there_too_under_a_name_that_glue_knows(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    digest = hashlib.sha256(WHEELS).hexdigest()[:32]
    assert got[0]["Data"]["PackagesUri"] == f"s3://{WORK}/code/{digest}.gluewheels.zip"
    body = cloud.s3.get_object(Bucket=WORK, Key=f"code/{digest}.gluewheels.zip")["Body"].read()
    assert body == WHEELS


def test_the_same_code_is_the_same_zip(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    ask(cloud, url, RequestType="Update", PhysicalResourceId=got[0]["PhysicalResourceId"])
    assert got[0]["Data"] == got[1]["Data"]
    assert got[0]["PhysicalResourceId"] == got[1]["PhysicalResourceId"]


def test_the_tables_of_every_contract_are_there_before_its_first_file(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    tables = {table["Name"]: table for table in cloud.glue.get_tables(DatabaseName=DATABASE)["TableList"]}
    crawled = got[0]["Data"]["Tables"].split(",")
    assert crawled == sorted(name for name, contract in contracts().items() if contract.table == "parquet")
    assert {*crawled, *(f"{name}_quarantine" for name in contracts())} <= tables.keys()
    # Its first commit makes it: a first deployment that fails must leave the lake bucket empty.
    assert "grocery" not in tables
    assert cloud.lake("metadata/") == []
    assert [key["Name"] for key in tables["sales"]["PartitionKeys"]] == ["sale_month"]
    assert tables["sales"]["StorageDescriptor"]["Location"] == f"s3://{LAKE}/published/sales/"


def test_a_run_finds_the_tables_as_it_would_make_them(cloud: Cloud, answers: Any):
    ask(cloud, answers[0])
    before = cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    cloud.run(cloud.put("sales/S001/2025-03-05.csv", as_csv({})))
    assert cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"] == before


def test_a_table_partitioned_otherwise_refuses_the_deployment(cloud: Cloud, answers: Any):
    url, got = answers
    cloud.glue.create_table(
        DatabaseName=DATABASE,
        TableInput={"Name": "sales", "TableType": "EXTERNAL_TABLE", "PartitionKeys": [{"Name": "day", "Type": "date"}]},
    )
    ask(cloud, url)
    assert got[0]["Status"] == "FAILED"
    assert "TableDisagrees" in got[0]["Reason"]


def test_a_refused_change_of_one_dataset_changes_no_table_of_another(
    cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch
):
    url, got = answers
    ask(cloud, url)
    before = cloud.glue.get_tables(DatabaseName=DATABASE)["TableList"]
    setup = cloud.module("setup")

    def changed(contract: Contract) -> TableDeclaration:
        found = declared_tables(contract)
        type_ = {"sentiment": "date"}.get(contract.name, "string")
        return replace(found, contract_version=9, schema=[*found.schema[1:], {**found.schema[0], "type": type_}])

    monkeypatch.setattr(setup, "declared_tables", changed)
    ask(cloud, url, RequestType="Update")
    assert got[1]["Status"] == "FAILED"
    assert "sluice migrate NEW_NAME" in got[1]["Reason"]
    assert cloud.glue.get_tables(DatabaseName=DATABASE)["TableList"] == before


def test_a_deployment_without_a_dataset_is_refused(cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch):
    url, got = answers
    monkeypatch.setattr(cloud.module("setup").registry, "contracts", dict)
    ask(cloud, url)
    assert "declares no dataset" in got[0]["Reason"]


def test_an_answer_longer_than_cloudformation_takes_is_a_failure(
    cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch
):
    url, got = answers
    monkeypatch.setattr(
        cloud.module("setup"), "make_tables", lambda: [f"dataset_{number:030}" for number in range(120)]
    )
    ask(cloud, url)
    assert (got[0]["Status"], got[0]["Data"]) == ("FAILED", {})


def test_deleting_empties_the_work_bucket_and_only_that(cloud: Cloud, answers: Any):
    url, got = answers
    ask(cloud, url)
    cloud.run(cloud.put("sales/S001/2025-03-05.csv", as_csv({})))
    kept = {bucket: cloud.s3.list_object_versions(Bucket=bucket)["Versions"] for bucket in (RAW, LAKE)}
    cloud.s3.put_bucket_versioning(Bucket=WORK, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        cloud.s3.put_object(Bucket=WORK, Key="runs/twice", Body=b"")
    cloud.s3.delete_object(Bucket=WORK, Key="runs/twice")
    ask(cloud, url, RequestType="Delete", PhysicalResourceId=got[0]["PhysicalResourceId"])
    assert got[1]["Status"] == "SUCCESS"
    cloud.s3.delete_bucket(Bucket=WORK)
    assert {bucket: cloud.s3.list_object_versions(Bucket=bucket)["Versions"] for bucket in (RAW, LAKE)} == kept
    ask(cloud, url, RequestType="Delete", PhysicalResourceId=got[0]["PhysicalResourceId"])
    assert got[2]["Status"] == "SUCCESS"


def test_what_cannot_be_emptied_in_time_says_to_delete_again(
    cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch
):
    url, got = answers
    monkeypatch.setattr(cloud.module("setup"), "_SPARE_MS", 90_000)
    cloud.s3.put_object(Bucket=WORK, Key="runs/file", Body=b"")
    ask(cloud, url, RequestType="Delete", PhysicalResourceId="setup")
    assert got[0]["Status"] == "FAILED"
    assert "delete the stack again" in got[0]["Reason"]


def test_an_account_under_lake_formation_is_told_what_to_grant(
    cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch
):
    url, got = answers

    def refused() -> list[str]:
        raise RuntimeError("Insufficient Lake Formation permission(s): Required Create Table on sluice")

    monkeypatch.setattr(cloud.module("setup"), "make_tables", refused)
    ask(cloud, url)
    assert "docs/security.md" in got[0]["Reason"]


def test_an_error_is_an_answer_too(cloud: Cloud, answers: Any, monkeypatch: pytest.MonkeyPatch):
    url, got = answers
    monkeypatch.setattr(cloud.module("setup"), "WORK_BUCKET", "no-such-bucket")
    ask(cloud, url)
    assert got[0]["Status"] == "FAILED"
    assert "NoSuchBucket" in got[0]["Reason"]
