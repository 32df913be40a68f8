"""`sluice diff` and the deployment agree, for every change of columns and tables: what diff allows, Setup takes."""

from dataclasses import replace
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from cli.contracts.changes import Change, changes
from cli.contracts.document import contract_document
from sluice.contract.declarations import Partition, Reading
from sluice.contract.model import Contract
from sluice.engines.accounting import declared_tables
from sluice.publish import tables
from sluice.publish.iceberg import table as iceberg
from tests.unit.cloud import DATABASE, Cloud
from tests.unit.publish.iceberg.table_files import ensure, lake_of


class Base(pa.DataFrameModel):
    """What no change touches."""

    shop: pl.String
    sold: pl.Date
    month: pl.String


class Row(Base):
    item: pl.String
    quantity: pl.Int32
    price: pl.Decimal(9, 2)
    weight: pl.Float64 = pa.Field(nullable=True)


class Added(Row):
    currency: pl.String = pa.Field(nullable=True)


class Removed(Base):
    item: pl.String
    quantity: pl.Int32
    weight: pl.Float64 = pa.Field(nullable=True)


class Renamed(Base):
    product: pl.String
    quantity: pl.Int32
    price: pl.Decimal(9, 2)
    weight: pl.Float64 = pa.Field(nullable=True)


class Reordered(Base):
    quantity: pl.Int32
    item: pl.String
    price: pl.Decimal(9, 2)
    weight: pl.Float64 = pa.Field(nullable=True)


class Nullable(Row):
    item: pl.String = pa.Field(nullable=True)


class Required(Row):
    weight: pl.Float64


class Widened(Row):
    quantity: pl.Int64


class Narrowed(Row):
    quantity: pl.Int8


class Precise(Row):
    price: pl.Decimal(12, 2)


class Scaled(Row):
    price: pl.Decimal(12, 3)


class Text(Row):
    quantity: pl.String


class Numbers(Row):
    item: pl.Int64


MONTH, YEAR = Partition("month", of="sold", format="%Y-%m"), Partition("month", of="sold", format="%Y")
ALIAS = Reading(aliases={"item": "product"})
BOTH, ICEBERG, NONE = {"parquet", "iceberg"}, {"iceberg"}, set[str]()
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a column is added": ({"row": Added}, BOTH),
    "a column is removed": ({"row": Removed}, BOTH),
    "a column is renamed": ({"row": Renamed, "reading": ALIAS}, BOTH),
    "columns change places": ({"row": Reordered}, BOTH),
    "a column may be missing": ({"row": Nullable}, BOTH),
    "a column must be there": ({"row": Required}, BOTH),
    "a whole number is widened": ({"row": Widened}, BOTH),
    # Iceberg has one type for all whole numbers of up to 4 bytes.
    "a whole number is narrowed": ({"row": Narrowed}, ICEBERG),
    "a decimal gets more digits": ({"row": Precise}, ICEBERG),
    "a decimal gets more places": ({"row": Scaled}, NONE),
    "a number becomes a text": ({"row": Text}, NONE),
    "a text becomes a number": ({"row": Numbers}, NONE),
    "a whole number is widened in a table without partitions": ({"row": Widened, "partition_by": ()}, NONE),
    "another partition column": ({"partition_by": (Partition("shop"),)}, NONE),
    "a further partition column": ({"partition_by": (MONTH, Partition("shop"))}, NONE),
    "no partition column": ({"partition_by": ()}, NONE),
    "another format of the partition": ({"partition_by": (YEAR,)}, BOTH),
    "another kind of table": ({"table": None}, NONE),
}


def problems(cloud: Cloud, contract: Contract) -> list[str]:
    declaration = declared_tables(contract)
    found = tables.problems(cloud.glue, DATABASE, "sold", location="s3://acme-sales-lake/", declaration=declaration)
    return found + (iceberg.problems(*lake_of(cloud), "sold", declaration) if contract.table == "iceberg" else [])


def deploy(cloud: Cloud, contract: Contract) -> None:
    declaration = declared_tables(contract)
    tables.ensure(cloud.glue, DATABASE, "sold", location="s3://acme-sales-lake/", declaration=declaration)
    if contract.table == "iceberg":
        ensure(*lake_of(cloud), "sold", declaration)


def refusals(found: list[Change]) -> list[str]:
    return [change.what for change in found if "TableDisagrees" in change.effect]


@pytest.mark.parametrize("kind", sorted(BOTH))
@pytest.mark.parametrize("change", CHANGES)
def test_what_diff_allows_the_deployment_takes_and_nothing_else(cloud: Cloud, change: str, kind: str):
    options, allowed = CHANGES[change]
    if "table" in options:
        options = {"table": next(iter(BOTH - {kind}))}
    first = Contract(name="sold", version=1, row=Row, files=("sold/{f}.csv",), partition_by=(MONTH,), table=kind)
    second = replace(first, version=2, **options)
    deploy(cloud, first)
    assert bool(refusals(changes(contract_document(first), contract_document(second)))) == (kind not in allowed)
    assert bool(problems(cloud, second)) == (kind not in allowed)
    if kind in allowed:
        deploy(cloud, second)
        declared = [*declared_tables(second).schema, *declared_tables(second).partition_columns]
        found = cloud.glue.get_table(DatabaseName=DATABASE, Name="sold")["Table"]
        columns = [*found["StorageDescriptor"]["Columns"], *found.get("PartitionKeys", [])]
        # pyiceberg keeps the columns that are gone in the catalog, and marks them.
        there = [each["Name"] for each in columns if each.get("Parameters", {}).get("iceberg.field.current") != "false"]
        assert there == [column["name"] for column in declared]
