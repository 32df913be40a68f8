import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import TableDisagrees
from sluice.manifest import Manifest, PartitionCount
from sluice.publish import tables
from tests.unit.cloud import DATABASE, Cloud

MANIFEST = Manifest(
    dataset="sales",
    contract_version=2,
    engine="polars",
    run_id="run",
    source_key="s3://raw/a",
    source_version="v1",
    rows_in=3,
    published=3,
    quarantined=0,
    discarded={},
    reasons={},
    partitions=[
        PartitionCount({"month": "2025-03"}, "month=2025-03", 2),
        PartitionCount({"month": "a b=1"}, "month=a b%3D1", 1),
    ],
    files=[],
    quarantine_files=[],
    schema=[{"name": "id", "type": "string"}, {"name": "price", "type": "decimal(12,2)"}],
    quarantine_schema=[{"name": "id", "type": "string"}, {"name": "_reasons", "type": "array<string>"}],
    partition_columns=[{"name": "month", "type": "string"}],
    statistics={},
    bytes_in=1,
    bytes_out=1,
    seconds=1.0,
    peak_rss_bytes=1,
)


def ensure(cloud: Cloud, manifest: Manifest = MANIFEST) -> None:
    tables.ensure(cloud.glue, DATABASE, "sales", location="s3://lake/", declaration=manifest)


def table(cloud: Cloud, name: str = "sales") -> dict[str, Any]:
    found: dict[str, Any] = cloud.glue.get_table(DatabaseName=DATABASE, Name=name)["Table"]
    return found


def columns(cloud: Cloud, name: str = "sales") -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in table(cloud, name)["StorageDescriptor"]["Columns"]]


def test_the_tables_are_made_from_the_schema(cloud: Cloud):
    ensure(cloud)
    assert columns(cloud) == [("id", "string"), ("price", "decimal(12,2)")]
    assert [(key["Name"], key["Type"]) for key in table(cloud)["PartitionKeys"]] == [("month", "string")]
    assert table(cloud)["StorageDescriptor"]["Location"] == "s3://lake/published/sales/"
    assert columns(cloud, "sales_quarantine") == [("id", "string"), ("_reasons", "array<string>")]
    assert table(cloud, "sales_quarantine")["StorageDescriptor"]["Location"] == "s3://lake/quarantine/sales/"
    assert table(cloud, "sales_quarantine")["PartitionKeys"] == []


def test_a_table_that_is_right_is_not_written_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    ensure(cloud)
    monkeypatch.setattr(cloud.glue, "update_table", lambda **_: pytest.fail("written"))
    ensure(cloud)


def test_a_new_contract_changes_the_columns_and_keeps_the_crawler_s_notes(cloud: Cloud):
    ensure(cloud)
    noted = {key: table(cloud)[key] for key in ("Name", "PartitionKeys", "StorageDescriptor", "TableType")}
    parameters = {**table(cloud)["Parameters"], "UPDATED_BY_CRAWLER": "acme"}
    cloud.glue.update_table(DatabaseName=DATABASE, TableInput={**noted, "Parameters": parameters})
    wider = [*MANIFEST.schema, {"name": "currency", "type": "string"}]
    ensure(cloud, replace(MANIFEST, schema=wider, contract_version=3))
    assert columns(cloud)[-1] == ("currency", "string")
    assert table(cloud)["Parameters"]["UPDATED_BY_CRAWLER"] == "acme"


def test_a_run_of_an_older_contract_does_not_take_columns_away(cloud: Cloud):
    ensure(cloud)
    ensure(cloud, replace(MANIFEST, schema=MANIFEST.schema[:1], contract_version=1))
    assert columns(cloud) == [("id", "string"), ("price", "decimal(12,2)")]


def test_other_partition_columns_are_refused(cloud: Cloud):
    ensure(cloud)
    with pytest.raises(TableDisagrees, match="month"):
        ensure(cloud, replace(MANIFEST, partition_columns=[{"name": "day", "type": "date"}]))


def test_two_runs_that_make_the_table_at_once_both_succeed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    real = cloud.glue.create_table

    def late(**request: Any) -> Any:
        real(**request)
        return real(**request)

    monkeypatch.setattr(cloud.glue, "create_table", late)
    ensure(cloud)
    assert columns(cloud)[0] == ("id", "string")


KEYED = replace(MANIFEST, across_files={"key": ["id"], "latest": "price"})


def view(cloud: Cloud) -> dict[str, Any]:
    """What Athena reads of the view: its definition, decoded."""
    text = table(cloud, "sales_latest")["ViewOriginalText"]
    assert (text[:16], text[-3:]) == ("/* Presto View: ", " */")
    found: dict[str, Any] = json.loads(base64.b64decode(text[16:-3]))
    return found


def test_a_key_that_decides_across_files_has_a_view_of_its_latest_rows(cloud: Cloud):
    schema = [*MANIFEST.schema, {"name": "tags", "type": "array<int>"}, {"name": "sold", "type": "timestamp"}]
    ensure(cloud, replace(KEYED, schema=schema))
    kept = table(cloud, "sales_latest")
    assert (kept["TableType"], kept["Parameters"]["presto_view"]) == ("VIRTUAL_VIEW", "true")
    assert columns(cloud, "sales_latest") == [(each["name"], each["type"]) for each in schema] + [("month", "string")]
    made = view(cloud)
    assert made["schema"] == DATABASE
    assert [column["type"] for column in made["columns"]] == [
        "varchar",
        "decimal(12,2)",
        "array(integer)",
        "timestamp(3)",
        "varchar",
    ]
    assert 'PARTITION BY "id" ORDER BY "price" DESC' in made["originalSql"]


def test_a_key_of_one_file_has_no_view(cloud: Cloud):
    ensure(cloud)
    assert {each["Name"] for each in cloud.glue.get_tables(DatabaseName=DATABASE)["TableList"]} == {
        "sales",
        "sales_quarantine",
    }


def test_a_view_that_is_right_is_not_written_again_and_another_key_changes_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    ensure(cloud, KEYED)
    with monkeypatch.context() as watched:
        watched.setattr(cloud.glue, "update_table", lambda **_: pytest.fail("written"))
        ensure(cloud, KEYED)
    other = replace(KEYED, across_files={"key": ["month", "id"], "latest": None})
    ensure(cloud, other)
    assert 'PARTITION BY "month", "id" ORDER BY _source_key' in view(cloud)["originalSql"]


def test_a_table_of_the_view_s_name_is_left_alone(cloud: Cloud):
    own = {"Name": "sales_latest", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": []}}
    cloud.glue.create_table(DatabaseName=DATABASE, TableInput={**own, "PartitionKeys": []})
    with pytest.raises(TableDisagrees, match="sales_latest"):
        ensure(cloud, KEYED)
    assert table(cloud, "sales_latest")["TableType"] == "EXTERNAL_TABLE"
