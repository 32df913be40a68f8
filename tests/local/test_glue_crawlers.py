"""A crawler reads what is there, and registers it."""

import contextlib
import io
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS
from local.waiting import eventually

COLUMNS = [{"Name": "amount", "Type": "decimal(10,2)"}, {"Name": "tags", "Type": "array<string>"}]
Put = Callable[[str, dict[str, Any]], None]


@pytest.fixture
def put(aws: LocalAWS, bucket: str) -> Put:
    def write(key: str, columns: dict[str, Any]) -> None:
        body = io.BytesIO()
        pq.write_table(pa.table(columns), body)
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())

    return write


def amounts(*values: str) -> dict[str, Any]:
    from decimal import Decimal

    return {
        "amount": pa.array([Decimal(value) for value in values], pa.decimal128(10, 2)),
        "tags": pa.array([["a", "b"] for _ in values], pa.list_(pa.string())),
    }


def crawl(aws: LocalAWS, crawler: str) -> dict[str, Any]:
    glue = aws.client("glue")
    glue.start_crawler(Name=crawler)
    eventually(lambda: glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY")
    return dict(glue.get_crawler(Name=crawler)["Crawler"]["LastCrawl"])


def values(aws: LocalAWS, database: str, table: str, **arguments: Any) -> list[list[str]]:
    found = aws.client("glue").get_partitions(DatabaseName=database, TableName=table, **arguments)
    return [partition["Values"] for partition in found["Partitions"]]


def table_input(bucket: str, name: str, prefix: str) -> dict[str, Any]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "PartitionKeys": [{"Name": "month", "Type": "string"}, {"Name": "store", "Type": "int"}],
        "StorageDescriptor": {
            "Columns": COLUMNS,
            "Location": f"s3://{bucket}/{prefix}",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
    }


def new_crawler(aws: LocalAWS, stack: Deployment, targets: dict[str, Any], role: str, **extra: Any) -> str:
    """Make a crawler that changes no table, and return its name."""
    name = f"crawler-{uuid.uuid4().hex[:8]}"
    arn = aws.client("iam").get_role(RoleName=stack.resources[role])["Role"]["Arn"]
    settings = {
        "SchemaChangePolicy": {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        "Configuration": json.dumps(
            {"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}
        ),
    }
    aws.client("glue").create_crawler(
        Name=name, Role=arn, DatabaseName=stack.resources["Database"], Targets=targets, **{**settings, **extra}
    )
    return name


def test_an_s3_target_does_not_adopt_a_table_that_an_api_made(
    aws: LocalAWS, stack: Deployment, bucket: str, put: Put
) -> None:
    glue, database = aws.client("glue"), stack.resources["Database"]
    glue.create_table(DatabaseName=database, TableInput=table_input(bucket, "sales", "lake/sales/"))
    put("lake/sales/month=2025-01/store=7/a.parquet", amounts("1.50"))
    last = crawl(aws, stack.resources["Crawler"])
    assert last["Status"] == "SUCCEEDED", last
    assert values(aws, database, "sales") == []
    names = [table["Name"] for table in glue.get_tables(DatabaseName=database, Expression="sales_*")["TableList"]]
    [second] = [name for name in names if re.fullmatch("sales_[0-9a-f]{32}", name)]
    assert values(aws, database, second) == [["2025-01", "7"]]


def test_an_s3_target_skips_the_partitions_of_a_table_without_a_crawlers_parameters(
    aws: LocalAWS, stack: Deployment, bucket: str, put: Put
) -> None:
    glue, database = aws.client("glue"), stack.resources["Database"]
    put("lake/signed/month=2025-01/store=7/a.parquet", amounts("1.50"))
    crawler = new_crawler(aws, stack, {"S3Targets": [{"Path": f"s3://{bucket}/lake/signed/"}]}, "CrawlerRole")
    signed = table_input(bucket, "signed", "lake/signed/")
    signed["Parameters"]["UPDATED_BY_CRAWLER"] = crawler
    glue.create_table(DatabaseName=database, TableInput=signed)
    crawl(aws, crawler)
    assert values(aws, database, "signed") == []
    signed["Parameters"] |= {"compressionType": "none", "typeOfData": "file"}
    glue.update_table(DatabaseName=database, TableInput=signed)
    crawl(aws, crawler)
    assert values(aws, database, "signed") == [["2025-01", "7"]]


def test_a_table_that_is_not_there_is_made_from_the_files(
    aws: LocalAWS, stack: Deployment, bucket: str, put: Put
) -> None:
    put("lake/new-table/day=1/a.parquet", amounts("1"))
    targets = {"S3Targets": [{"Path": f"s3://{bucket}/lake/new-table"}]}
    last = crawl(aws, new_crawler(aws, stack, targets, "CrawlerRole"))
    assert last["Status"] == "SUCCEEDED", last
    made = aws.client("glue").get_table(DatabaseName=stack.resources["Database"], Name="new_table")["Table"]
    assert made["StorageDescriptor"]["Columns"] == COLUMNS
    assert made["PartitionKeys"] == [{"Name": "day", "Type": "string"}]


def test_a_catalog_target_registers_new_partitions_with_the_schema_of_its_table(
    aws: LocalAWS, stack: Deployment, bucket: str, put: Put
) -> None:
    database = stack.resources["Database"]
    aws.client("glue").create_table(DatabaseName=database, TableInput=table_input(bucket, "named", "lake/other/"))
    put("lake/other/month=2025-01/store=7/a.parquet", amounts("1.50"))
    put("lake/other/month=2025-01/store=8/a.parquet", {"amount": pa.array(["other"])})
    put("lake/other/_temporary/month=2025-09/store=8/a.parquet", amounts("9"))
    crawler = new_crawler(aws, stack, catalog_target(database, "named"), "CrawlerRole")
    last = crawl(aws, crawler)
    assert last["Status"] == "SUCCEEDED", last
    assert sorted(values(aws, database, "named")) == [["2025-01", "7"], ["2025-01", "8"]]
    partitions = aws.client("glue").get_partitions(DatabaseName=database, TableName="named")["Partitions"]
    assert [partition["StorageDescriptor"]["Columns"] for partition in partitions] == [COLUMNS, COLUMNS]
    put("lake/other/month=2025-02/store=7/a.parquet", amounts("2"))
    crawl(aws, crawler)
    expression = "month >= '2025-01' AND month < '2025-02' AND store > 7"
    assert len(values(aws, database, "named")) == 3
    assert values(aws, database, "named", Expression=expression) == [["2025-01", "8"]]


def catalog_target(database: str, *names: str) -> dict[str, Any]:
    return {"CatalogTargets": [{"DatabaseName": database, "Tables": list(names)}]}


@pytest.mark.parametrize(
    ("name", "changes", "error"),
    [
        ("made_by_nobody", {}, "EntityNotFoundException"),
        ("strict", {"SchemaChangePolicy": {"DeleteBehavior": "DEPRECATE_IN_DATABASE"}}, "InvalidInputException"),
        ("strict", {"SchemaChangePolicy": {}}, "InvalidInputException"),
        ("strict", {"Targets": {"S3Targets": [{"Path": "s3://lake/strict/"}]}}, "InvalidInputException"),
    ],
)
def test_catalog_targets_need_their_tables_and_a_log_of_their_own(
    aws: LocalAWS, stack: Deployment, bucket: str, name: str, changes: dict[str, Any], error: str
) -> None:
    glue, database = aws.client("glue"), stack.resources["Database"]
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_table(DatabaseName=database, TableInput=table_input(bucket, "strict", "lake/strict/"))
    targets = catalog_target(database, name) | changes.pop("Targets", {})
    with pytest.raises(ClientError, match=error):
        new_crawler(aws, stack, targets, "CrawlerRole", **changes)
    crawler = new_crawler(aws, stack, catalog_target(database, "strict"), "CrawlerRole")
    with pytest.raises(ClientError, match=error):
        glue.update_crawler(Name=crawler, Targets=targets, **changes)


def test_a_crawler_whose_role_may_not_read_fails(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    targets = {"S3Targets": [{"Path": f"s3://{bucket}/lake/sales/"}]}
    last = crawl(aws, new_crawler(aws, stack, targets, "JobRole"))
    assert last["Status"] == "FAILED"
    assert "glue:GetDatabase" in last["ErrorMessage"]


def test_a_running_crawler_is_not_started_twice(aws: LocalAWS, stack: Deployment, bucket: str, put: Put) -> None:
    for number in range(30):
        put(f"lake/many/day={number}/a.parquet", amounts("1"))
    crawler = new_crawler(aws, stack, {"S3Targets": [{"Path": f"s3://{bucket}/lake/many/"}]}, "CrawlerRole")
    glue = aws.client("glue")
    glue.start_crawler(Name=crawler)
    with pytest.raises(ClientError, match="CrawlerRunningException"):
        glue.start_crawler(Name=crawler)
    eventually(lambda: glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY")


def test_partitions_need_a_table_and_can_be_changed_and_deleted(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    glue, database = aws.client("glue"), stack.resources["Database"]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.batch_create_partition(DatabaseName=database, TableName="none", PartitionInputList=[{"Values": ["1"]}])
    glue.create_table(DatabaseName=database, TableInput=table_input(bucket, "edited", "lake/edited/"))
    where = {"DatabaseName": database, "TableName": "edited"}
    inputs = [{"Values": ["2025-01", str(store)]} for store in range(3)]
    glue.batch_create_partition(**where, PartitionInputList=inputs)
    glue.update_partition(
        **where,
        PartitionValueList=["2025-01", "0"],
        PartitionInput={"Values": ["2025-01", "0"], "Parameters": {"rows": "5"}},
    )
    found = glue.get_partition(**where, PartitionValues=["2025-01", "0"])["Partition"]
    assert found["Parameters"] == {"rows": "5"}
    answer = glue.batch_delete_partition(**where, PartitionsToDelete=inputs[1:])
    assert answer.get("Errors", []) == []
    assert values(aws, database, "edited") == [["2025-01", "0"]]


def test_a_catalog_target_cannot_be_an_iceberg_table(aws: LocalAWS, stack: Deployment, bucket: str, put: Put) -> None:
    glue, database = aws.client("glue"), stack.resources["Database"]
    put("lake/iceberg/month=2025-01/store=7/a.parquet", amounts("1.50"))
    for name, kind in (("beside_iceberg", {}), ("crawled_iceberg", {"table_type": "ICEBERG"})):
        made = table_input(bucket, name, "lake/iceberg/")
        glue.create_table(DatabaseName=database, TableInput=made | {"Parameters": made["Parameters"] | kind})
    before = glue.get_table(DatabaseName=database, Name="crawled_iceberg")["Table"]
    targets = {"CatalogTargets": [{"DatabaseName": database, "Tables": ["beside_iceberg", "crawled_iceberg"]}]}
    last = crawl(aws, new_crawler(aws, stack, targets, "CrawlerRole"))
    assert (last["Status"], "crawled_iceberg" in last["ErrorMessage"]) == ("FAILED", True)
    assert values(aws, database, "beside_iceberg") == values(aws, database, "crawled_iceberg") == []
    assert glue.get_table(DatabaseName=database, Name="crawled_iceberg")["Table"] == before
