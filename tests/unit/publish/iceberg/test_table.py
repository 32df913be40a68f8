from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from sluice.errors import TableDisagrees
from sluice.manifest import Manifest, TableDeclaration
from sluice.publish import tables as parquet_tables
from sluice.publish.iceberg import table as tables
from sluice.publish.iceberg.commit import swap
from sluice.publish.iceberg.table import require
from tests.unit.cloud import DATABASE, Cloud
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, rows, source, table
from tests.unit.publish.test_tables import MANIFEST

LINEAGE = SALES.schema[2:]


def declared(version: int, partition_columns: dict[str, str] | None = None, /, **types: str) -> TableDeclaration:
    columns = [{"name": name, "type": type_} for name, type_ in types.items()]
    parts = {"month": "string"} if partition_columns is None else partition_columns
    return replace(
        SALES,
        contract_version=version,
        schema=[*columns, *LINEAGE],
        partition_columns=[{"name": name, "type": type_} for name, type_ in parts.items()],
    )


FIRST = declared(1, item="string", quantity="bigint", price="decimal(9,2)")
ROW = {"item": "tea", "quantity": 1, "price": Decimal("2.50")}


def add(
    cloud: Cloud,
    declaration: TableDeclaration,
    name: str,
    rows: Mapping[str, list[dict[str, Any]] | pl.DataFrame],
    values: dict[str, dict[str, str]] | None = None,
) -> None:
    manifest = publish_files(cloud, name, f"run-{name}", rows, declaration, values)
    swap(*lake_of(cloud), "sales", {source(name): manifest}, run_id=f"run-{name}", allowed=lambda: None)


def change(cloud: Cloud, declaration: TableDeclaration, **renamed: str) -> None:
    """Deploy a declaration. renamed: new name of a column=its former one, which files have still."""
    aliases = {former: name for name, former in renamed.items()}
    ensure(*lake_of(cloud), "sales", replace(declaration, aliases=aliases))


@pytest.fixture
def sales(cloud: Cloud) -> Cloud:
    change(cloud, FIRST)
    add(cloud, FIRST, "a", {"month=2025-03": [ROW]})
    return cloud


def columns(cloud: Cloud) -> list[str]:
    return [f"{field.name} {field.field_type}" for field in table(cloud).schema().fields]


def test_a_new_table_is_iceberg_to_everyone_who_asks_the_catalog(cloud: Cloud):
    change(cloud, FIRST)
    glue = cloud.glue.get_table(DatabaseName=DATABASE, Name="sales")["Table"]
    assert glue["Parameters"]["table_type"] == "ICEBERG"
    assert glue["Parameters"]["metadata_location"].startswith("s3://acme-sales-lake/metadata/sales/")
    assert glue["StorageDescriptor"]["Location"] == "s3://acme-sales-lake/published/sales"
    assert [(each["Name"], each["Type"]) for each in glue["StorageDescriptor"]["Columns"]] == [
        ("item", "string"),
        ("quantity", "bigint"),
        ("price", "decimal(9,2)"),
        ("_source_key", "string"),
        ("_run_id", "string"),
        ("month", "string"),
    ]
    assert (table(cloud).format_version, str(table(cloud).spec().fields[0].transform)) == (2, "identity")


def test_a_table_that_is_right_is_not_written_again(sales: Cloud):
    before = table(sales).metadata_location
    change(sales, FIRST)
    assert table(sales).metadata_location == before


def test_an_added_column_has_no_value_in_older_rows(sales: Cloud):
    second = declared(2, item="string", quantity="bigint", price="decimal(9,2)", currency="string")
    change(sales, second)
    add(sales, second, "b", {"month=2025-04": [{**ROW, "currency": "EUR"}]})
    assert rows(sales, "item", "currency", "month") == [("tea", "EUR", "2025-04"), ("tea", None, "2025-03")]


def test_a_dropped_column_is_gone_and_its_rows_are_there(sales: Cloud):
    change(sales, declared(2, item="string", price="decimal(9,2)"))
    assert columns(sales) == [
        "item string",
        "price decimal(9, 2)",
        "_source_key string",
        "_run_id string",
        "month string",
    ]
    assert rows(sales, "item", "price") == [("tea", Decimal("2.50"))]


def test_a_renamed_column_keeps_its_values(sales: Cloud):
    second = declared(2, product="string", quantity="bigint", price="decimal(9,2)")
    change(sales, second, product="item")
    add(sales, second, "b", {"month=2025-04": [{"product": "nuts", "quantity": 2, "price": Decimal("1.00")}]})
    change(sales, declared(3, product="string", quantity="bigint"), product="item")
    assert rows(sales, "product", "quantity") == [("nuts", 2), ("tea", 1)]


def test_a_name_that_older_files_have_for_a_renamed_column_is_no_new_column_s(sales: Cloud):
    change(sales, declared(2, product="string", quantity="bigint"), product="item")
    with pytest.raises(TableDisagrees, match="older files have item, which is another column now"):
        change(sales, declared(3, product="string", item="string", quantity="bigint"))


def test_an_alias_whose_files_have_another_type_is_no_renaming(sales: Cloud):
    change(sales, declared(2, product="bigint", quantity="bigint"), product="item")
    assert rows(sales, "product", "quantity") == [(None, 1)]


def test_a_run_changes_no_column_and_is_refused_where_readers_could_not_read_its_files(sales: Cloud):
    before = table(sales).metadata_location
    for declaration, complaint in (
        (declared(2, item="bigint"), "its column item is string, the run's files have bigint"),
        (declared(2, {"day": "date"}, item="string"), "partitioned by"),
    ):
        with pytest.raises(TableDisagrees, match=complaint):
            require(*lake_of(sales), "sales", account(declaration))
    require(*lake_of(sales), "sales", account(declared(2, item="string", currency="string")))
    assert table(sales).metadata_location == before


def account(declaration: TableDeclaration) -> Manifest:
    return replace(MANIFEST, schema=declaration.schema, partition_columns=declaration.partition_columns)


def test_columns_are_widened(cloud: Cloud):
    first = declared(1, small="tinyint", medium="int", real="float", price="decimal(9,2)", tags="array<int>")
    change(cloud, first)
    row = {"small": 1, "medium": 2, "real": 0.5, "price": Decimal("2.50"), "tags": [1]}
    narrow = pl.DataFrame([row]).cast(
        {"small": pl.Int8, "medium": pl.Int32, "real": pl.Float32, "price": pl.Decimal(9, 2), "tags": pl.List(pl.Int32)}
    )
    add(cloud, first, "a", {"month=2025-03": narrow})
    second = declared(2, small="bigint", medium="bigint", real="double", price="decimal(12,2)", tags="array<bigint>")
    change(cloud, second)
    large = {"small": 2**40, "medium": 2**41, "real": 0.1, "price": Decimal("1234567890.25"), "tags": [2**42]}
    wide = pl.DataFrame([large]).cast({"price": pl.Decimal(12, 2)})
    add(cloud, second, "b", {"month=2025-03": wide})
    assert rows(cloud, *row) == [tuple(row.values()), tuple(large.values())]


def test_columns_are_reordered_and_renamed_and_added_at_once(sales: Cloud):
    change(sales, declared(2, amount="decimal(12,2)", currency="string", item="string"), amount="price")
    assert columns(sales)[:3] == ["amount decimal(12, 2)", "currency string", "item string"]
    assert rows(sales, "amount", "currency", "item") == [(Decimal("2.50"), None, "tea")]


@pytest.mark.parametrize(
    ("declaration", "renamed", "complaint"),
    [
        (declared(2, item="bigint", quantity="bigint", price="decimal(9,2)"), {}, "item is string"),
        (declared(2, item="string", quantity="int", price="decimal(9,2)"), {}, "quantity is long"),
        (declared(2, item="string", quantity="bigint", price="decimal(9,3)"), {}, "price is decimal"),
        (declared(2, {"day": "date"}, item="string", quantity="bigint"), {}, "partitioned by"),
        (declared(2, {}, item="string", quantity="bigint"), {}, "partitioned by"),
        (declared(2, {"month": "int"}, item="string", quantity="bigint"), {}, "partition column month is string"),
        (declared(2, {"period": "string"}, item="string"), {"period": "month"}, "partitioned by"),
    ],
)
def test_what_older_files_do_not_allow_is_refused_before_anything_changes(
    sales: Cloud, declaration: TableDeclaration, renamed: dict[str, str], complaint: str
):
    before = table(sales).metadata_location
    with pytest.raises(TableDisagrees, match=complaint):
        change(sales, declaration, **renamed)
    assert table(sales).metadata_location == before


def test_a_dropped_column_returns_with_its_values_or_not_at_all(sales: Cloud):
    change(sales, declared(2, item="string"))
    with pytest.raises(TableDisagrees, match="older files have quantity as"):
        change(sales, declared(3, item="string", quantity="string"))
    change(sales, declared(3, item="string", quantity="bigint"))
    assert rows(sales, "item", "quantity") == [("tea", 1)]


def test_a_late_function_does_not_restore_an_older_contract_s_columns(sales: Cloud):
    change(sales, declared(2, item="string"))
    change(sales, FIRST)
    assert columns(sales)[0:2] == ["item string", "_source_key string"]


def test_a_parquet_table_of_the_name_stays_and_is_an_error(cloud: Cloud):
    parquet_tables.ensure(cloud.glue, DATABASE, "sales", location="s3://acme-sales-lake/", declaration=FIRST)
    with pytest.raises(TableDisagrees, match="no Iceberg table"):
        change(cloud, FIRST)
    assert "ICEBERG" not in str(cloud.glue.get_table(DatabaseName=DATABASE, Name="sales"))


def test_two_runs_create_or_evolve_a_table_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "_PAUSE", 0)
    for name, declaration in (("create_table", FIRST), ("update_table", declared(2, item="string"))):
        with monkeypatch.context() as patch:
            patch.setattr(
                cloud.glue, name, _after(getattr(cloud.glue, name), lambda new=declaration: change(cloud, new))
            )
            change(cloud, declaration)
    assert columns(cloud)[0:2] == ["item string", "_source_key string"]
    assert len(table(cloud).metadata.schemas) == 2


def _after(call: Callable[..., Any], first: Callable[[], None]) -> Callable[..., Any]:
    """Return a call before which, the first time, something else happens."""
    pending = [first]

    def both(**arguments: Any) -> Any:
        if pending:
            pending.pop()()
        return call(**arguments)

    return both


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("string", "a b=1", "a b=1"),
        ("string", "__HIVE_DEFAULT_PARTITION__", None),
        ("date", "2025-03-01", date(2025, 3, 1)),
        ("date", "1969-12-31", date(1969, 12, 31)),
        ("tinyint", "-3", -3),
        ("int", "3", 3),
        ("bigint", "9000000000", 9_000_000_000),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("decimal(6,2)", "-1.50", Decimal("-1.50")),
    ],
)
def test_readers_take_a_partition_s_value_from_the_metadata(cloud: Cloud, type_: str, text: str, value: Any):
    declaration = declared(1, {"part": type_}, item="string")
    change(cloud, declaration)
    add(cloud, declaration, "a", {"part=x": [{"item": "tea"}]}, {"part=x": {"part": text}})
    assert rows(cloud, "item", "part") == [("tea", value)]


def test_a_table_without_partition_columns_has_its_rows(cloud: Cloud):
    declaration = declared(1, {}, item="string", sold_at="timestamp")
    change(cloud, declaration)
    add(cloud, declaration, "a", {"": [{"item": "tea", "sold_at": datetime(2025, 3, 1, 12)}]})
    assert rows(cloud, "item", "sold_at") == [("tea", datetime(2025, 3, 1, 12))]


def test_a_table_with_two_partition_columns_has_the_values_of_both(cloud: Cloud):
    declaration = declared(1, {"month": "string", "store": "int"}, item="string")
    change(cloud, declaration)
    add(cloud, declaration, "a", {f"month=2025-03/store={store}": [{"item": "tea"}] for store in (1, 2)})
    assert rows(cloud, "month", "store") == [("2025-03", 1), ("2025-03", 2)]
