import json
from typing import Any

import pytest

from sluice.contract import registry
from sluice.engines.accounting import declared_tables
from sluice.publish import tables
from tests.unit.cloud import DATABASE, LAKE, Cloud

ENDED = {"status": "SUCCEEDED", "message": ""}


@pytest.fixture
def catalog(cloud: Cloud) -> Cloud:
    """The tables of all contracts."""
    for name, contract in registry.contracts().items():
        tables.ensure(cloud.glue, DATABASE, name, location=f"s3://{LAKE}/", declaration=declared_tables(contract))
    return cloud


def found(cloud: Cloud, event: dict[str, str] = ENDED) -> list[str]:
    """The disagreements of the event that a comparison puts."""
    count = cloud.invoke("compare_crawl", event)["disagreements"]
    [texts] = [each["detail"]["disagreements"] for each in cloud.messages() if "detail-type" in each] or [[]]
    assert len(texts) == count
    return list(texts)


def change(cloud: Cloud, **changes: Any) -> None:
    """Change the table sales as somebody might."""
    table = cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    kept = {name: table[name] for name in ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")}
    cloud.glue.update_table(DatabaseName=DATABASE, TableInput={**kept, **changes})


def test_tables_as_the_contracts_say_are_no_news(catalog: Cloud):
    assert found(catalog) == []
    assert catalog.messages() == []


def test_a_changed_column_is_a_disagreement_and_people_are_notified(catalog: Cloud):
    table = catalog.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    descriptor = table["StorageDescriptor"]
    descriptor["Columns"][0]["Type"] = "double"
    change(catalog, StorageDescriptor=descriptor)
    catalog.invoke("compare_crawl", ENDED)
    texts = [json.dumps(message) for message in catalog.messages()]
    assert len(texts) == 2
    for text in texts:
        assert (
            "sales: its columns differ: [('transaction_id', 'double')], in the contract [('transaction_id', 'string')]"
            in text
        )


def test_changed_partition_columns_are_a_disagreement(catalog: Cloud):
    change(catalog, PartitionKeys=[{"Name": "day", "Type": "date"}])
    [text] = found(catalog)
    assert "partition columns" in text


def test_a_second_table_over_published_files_is_a_disagreement_and_a_table_elsewhere_is_none(catalog: Cloud):
    for name, where in (
        ("sales_0123abcd", f"s3://{LAKE}/published/sales/"),
        ("of_an_analyst", "s3://elsewhere/sales/"),
    ):
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Location": where, "Columns": []}}
        catalog.glue.create_table(DatabaseName=DATABASE, TableInput=table)
    [text] = found(catalog)
    assert text.startswith("sales_0123abcd:")


def test_a_table_that_is_gone_is_a_disagreement(catalog: Cloud):
    catalog.glue.delete_table(DatabaseName=DATABASE, Name="sales")
    assert found(catalog) == ["sales: the catalog has no such table"]


def test_a_table_of_a_later_contract_is_none(catalog: Cloud):
    change(catalog, Parameters={"sluice.contract_version": "99"}, PartitionKeys=[])
    assert found(catalog) == []


def test_a_crawl_that_failed_is_a_disagreement(catalog: Cloud):
    assert found(catalog, {"status": "FAILED", "message": "access denied"}) == ["the crawl ended FAILED: access denied"]
