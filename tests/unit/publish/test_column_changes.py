"""What a deployment changes of the columns of a Parquet table and its partitions, and what it refuses."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from sluice.errors import TableDisagrees
from sluice.manifest import Manifest
from sluice.publish import partitions, tables
from sluice.publish.column_types import reads_as
from sluice.publish.iceberg.schema import iceberg_type, widens
from tests.unit.cloud import DATABASE, Cloud
from tests.unit.publish.test_tables import MANIFEST, columns, ensure, table

NUMBERS = ["tinyint", "smallint", "int", "bigint", "float", "double", "decimal(9,2)", "decimal(12,2)", "decimal(12,3)"]
TYPES = [*NUMBERS, "string", "boolean", "date", "timestamp", "array<int>", "array<bigint>"]


def declared(version: int, /, **types: str) -> Manifest:
    schema = [{"name": name, "type": type_} for name, type_ in types.items()]
    return replace(MANIFEST, contract_version=version, schema=schema)


FIRST = declared(1, item="string", quantity="int", price="decimal(9,2)")


@pytest.fixture
def sales(cloud: Cloud) -> Cloud:
    ensure(cloud, FIRST)
    partitions.register(cloud.glue, DATABASE, FIRST)
    return cloud


def of_partitions(cloud: Cloud) -> list[list[tuple[str, str]]]:
    found = cloud.glue.get_partitions(DatabaseName=DATABASE, TableName="sales")["Partitions"]
    return [[(each["Name"], each["Type"]) for each in part["StorageDescriptor"]["Columns"]] for part in found]


def require(cloud: Cloud, manifest: Manifest) -> None:
    tables.require(cloud.glue, DATABASE, "sales", location="s3://lake/", manifest=manifest)


@pytest.mark.parametrize(
    "second",
    [
        declared(2, item="string", quantity="int", price="decimal(9,2)", currency="string"),
        declared(2, item="string", price="decimal(9,2)"),
        declared(2, product="string", quantity="int", price="decimal(9,2)"),
        declared(2, price="decimal(9,2)", quantity="int", item="string"),
        declared(2, item="string", quantity="bigint", price="decimal(9,2)"),
    ],
    ids=["added", "removed", "renamed", "reordered", "widened"],
)
def test_a_deployment_changes_the_columns_of_the_table_and_of_its_partitions(sales: Cloud, second: Manifest):
    ensure(sales, second)
    wanted = [(each["name"], each["type"]) for each in second.schema]
    assert columns(sales) == wanted
    assert of_partitions(sales) == [wanted, wanted]
    locations = [
        each["StorageDescriptor"]["Location"]
        for each in sales.glue.get_partitions(DatabaseName=DATABASE, TableName="sales")["Partitions"]
    ]
    assert sorted(locations) == [
        "s3://lake/published/sales/month=2025-03/",
        "s3://lake/published/sales/month=a b%3D1/",
    ]


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (declared(2, item="bigint", quantity="int"), "item is string, which readers cannot take as bigint"),
        (declared(2, item="string", quantity="string"), "quantity is int, which readers cannot take as string"),
        (declared(2, quantity="smallint"), "quantity is int, which readers cannot take as smallint"),
        (declared(2, price="decimal(12,2)"), "price is decimal"),
        (replace(FIRST, contract_version=2, partition_columns=[]), "is partitioned by"),
    ],
)
def test_what_readers_of_older_files_could_not_take_is_refused_before_anything_changes(
    sales: Cloud, second: Manifest, complaint: str
):
    before = sales.glue.get_tables(DatabaseName=DATABASE)["TableList"]
    with pytest.raises(TableDisagrees, match=complaint):
        ensure(sales, second)
    found = tables.problems(sales.glue, DATABASE, "sales", location="s3://lake/", declaration=second)
    assert [complaint in text for text in found] == [True]
    assert sales.glue.get_tables(DatabaseName=DATABASE)["TableList"] == before


def test_no_integer_is_widened_in_a_table_without_partitions(cloud: Cloud):
    ensure(cloud, replace(FIRST, partition_columns=[]))
    with pytest.raises(TableDisagrees, match="quantity is int, which readers cannot take as bigint"):
        ensure(cloud, replace(declared(2, quantity="bigint"), partition_columns=[]))


def test_a_removed_column_does_not_return_with_another_type(sales: Cloud):
    ensure(sales, declared(2, price="decimal(9,2)"))
    ensure(sales, declared(3, price="decimal(9,2)", currency="string"))
    with pytest.raises(TableDisagrees, match="quantity is int, which readers cannot take as string, in older files"):
        ensure(sales, declared(4, price="decimal(9,2)", quantity="string"))
    ensure(sales, declared(4, price="decimal(9,2)", quantity="bigint"))
    assert columns(sales) == [("price", "decimal(9,2)"), ("quantity", "bigint")]


def test_a_deployment_that_died_between_the_table_and_its_partitions_is_finished_by_the_next(
    sales: Cloud, monkeypatch: pytest.MonkeyPatch
):
    def dies(**_: Any) -> None:
        raise ConnectionError

    second = declared(2, item="string", quantity="bigint", price="decimal(9,2)")
    with monkeypatch.context() as patch:
        patch.setattr(sales.glue, "batch_update_partition", dies)
        with pytest.raises(ConnectionError):
            ensure(sales, second)
    assert of_partitions(sales)[0][1] == ("quantity", "int")
    ensure(sales, second)
    assert [each[1] for each in of_partitions(sales)] == [("quantity", "bigint")] * 2


def test_a_run_leaves_the_table_as_it_is_and_its_files_with_other_columns_are_read_by_name(sales: Cloud):
    before = table(sales)
    require(sales, declared(2, item="string", quantity="smallint", currency="string"))
    require(sales, declared(1, item="string"))
    assert table(sales) == before


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        (declared(2, quantity="string"), "quantity is string, which readers cannot take as int"),
        (declared(2, quantity="bigint"), "quantity is bigint, which readers cannot take as int"),
        (replace(FIRST, partition_columns=[]), "is partitioned by"),
    ],
)
def test_a_run_whose_files_readers_could_not_read_is_refused(sales: Cloud, manifest: Manifest, complaint: str):
    before = table(sales)
    with pytest.raises(TableDisagrees, match=complaint):
        require(sales, manifest)
    assert table(sales) == before


def test_a_table_that_is_gone_is_made_again_by_a_run(sales: Cloud):
    for name in ("sales", "sales_quarantine"):
        sales.glue.delete_table(DatabaseName=DATABASE, Name=name)
    require(sales, FIRST)
    assert columns(sales) == [("item", "string"), ("quantity", "int"), ("price", "decimal(9,2)")]
    assert table(sales, "sales_quarantine")["PartitionKeys"] == []


@pytest.mark.parametrize(("file", "column"), list(product(TYPES, TYPES)))
def test_the_types_of_an_iceberg_table_widen_as_iceberg_says(file: str, column: str):
    both = reads_as(file, column, kind="iceberg", partitioned=True)
    assert both == widens(iceberg_type(file), iceberg_type(column))
