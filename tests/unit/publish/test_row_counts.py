from dataclasses import replace

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.object_version import ObjectVersion
from sluice.manifest import PartitionCount
from sluice.publish.lake import LakeManifest, LakeObject
from sluice.publish.row_counts import Count, count_query, mismatched
from tests.unit.publish.test_tables import MANIFEST

MONTH = [{"name": "sale_month", "type": "string"}]
HOSTILE = ["sales/' OR 1=1 --.csv", 'sales/";DROP TABLE sales.csv', "sales/?,?.csv", "sales/Zürich 😀.csv", "x" * 1024]

Row = tuple[str, str, str, str]
"""(key of the upload, run, month, key of the object)"""


def version(key: str) -> ObjectVersion:
    return ObjectVersion(bucket="raw", key=key, version_id="v1", sequencer="01", size=1)


def manifest(
    key: str, *months: str, files: int = 1, columns: list[dict[str, str]] = MONTH, dataset: str = "sales"
) -> LakeManifest:
    """The manifest of a run's objects of one upload: so many files in each month."""
    partitions = [PartitionCount({"sale_month": month}, f"sale_month={month}", files) for month in months]
    account = replace(MANIFEST, dataset=dataset, run_id="new", partition_columns=columns, partitions=partitions)
    names = [
        f"published/sales/sale_month={month}/{version(key).hash}-{number}"
        for month in months
        for number in range(files)
    ]
    return LakeManifest(account, version(key), tuple(LakeObject(name, 1, 1) for name in names))


def rows_of(*manifests: LakeManifest) -> list[Row]:
    """One row an object."""
    return [
        (each.source.key, "new", name.split("=")[1].rsplit("/", 1)[0], name)
        for each in manifests
        for name in each.published
    ]


def answer(rows: list[Row], *manifests: LakeManifest) -> list[tuple[str, str, int]]:
    """What the planned query gives over a table of these rows."""
    plan = count_query(manifests, bucket="lake")
    assert plan.parameters
    assert all(len(literal) <= 1024 for literal in plan.parameters)
    assert len(plan.query) + sum(map(len, plan.parameters)) < 262_144
    parts = plan.query.split("?")
    assert len(parts) == len(plan.parameters) + 1
    sql = parts[0] + "".join(literal + part for literal, part in zip(plan.parameters, parts[1:], strict=True))
    database = duckdb.connect()
    database.execute('CREATE TABLE sales (_source_key VARCHAR, _run_id VARCHAR, sale_month VARCHAR, "$path" VARCHAR)')
    if rows:
        table = [(f"s3://raw/{key}", run, month, f"s3://lake/{name}") for key, run, month, name in rows]
        database.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", table)
    return sorted(database.execute(sqlglot.transpile(sql, read="trino", write="duckdb")[0]).fetchall())


def test_only_the_rows_of_the_run_s_own_objects_are_counted():
    a, b = manifest("a", "03", "04"), manifest("b", "03")
    others = [
        ("a", "old", "04", "published/sales/sale_month=04/old"),
        ("c", "x", "03", "published/sales/sale_month=03/c"),
    ]
    assert answer([*rows_of(a, b), *others], a, b) == [("s3://raw/a", "new", 2), ("s3://raw/b", "new", 1)]


def test_a_source_without_any_row_is_no_error():
    other = manifest("b", "03")
    assert answer(rows_of(other), manifest("a")) == []
    assert answer(rows_of(other), manifest("a", columns=[])) == []


def test_a_table_without_partitions_is_counted():
    whole = manifest("a", "03", columns=[])
    assert answer(rows_of(whole), whole) == [("s3://raw/a", "new", 1)]


def test_very_many_objects_are_found_by_their_source_and_run():
    whole = manifest("a", "03", files=2_000)
    others = [
        ("a", "old", "03", "published/sales/sale_month=03/old"),
        ("c", "new", "03", "published/sales/sale_month=03/c"),
    ]
    assert answer([*rows_of(whole), *others], whole) == [("s3://raw/a", "new", 2_000)]
    assert "$path" not in count_query([whole], bucket="lake").query


def test_very_many_partitions_are_a_range():
    whole = manifest("a", *(f"{number:04}" for number in range(500)))
    beside = [("a", "new", "0500", "published/sales/sale_month=0500/a-0")]
    assert answer([*rows_of(whole), *beside], whole) == [("s3://raw/a", "new", 500)]


def test_partitions_of_other_types_are_compared_as_text():
    whole = manifest("a", "3", columns=[{"name": "sale_month", "type": "int"}])
    assert answer(rows_of(whole), whole) == [("s3://raw/a", "new", 1)]


def test_a_hundred_sources_fit_the_parameters():
    many = [manifest(f"sales/{number}.csv", "03", files=6) for number in range(100)]
    assert [rows for _, _, rows in answer(rows_of(*many), *many)] == [6] * 100


@pytest.mark.parametrize("files", [1, 2_000])
@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_counted_like_any_other(key: str, files: int):
    hostile = manifest(key, "03", files=files)
    assert answer(rows_of(hostile, manifest("a", "03")), hostile) == [(f"s3://raw/{key}", "new", files)]


@given(st.text(max_size=60).filter(lambda text: "\x00" not in text and "=" not in text))
def test_any_partition_value_is_only_a_value(month: str):
    whole = manifest("a", month)
    beside = [("a", "new", month + "'", f"published/sales/sale_month={month}'/a-0")]
    assert answer([("a", "new", month, whole.published[0]), *beside], whole) == [("s3://raw/a", "new", 1)]


@pytest.mark.parametrize("name", ["sales; DROP TABLE x", 'sales"', "", "Sales"])
def test_a_name_that_is_no_identifier_is_refused(name: str):
    with pytest.raises(ValueError, match="identifier"):
        count_query([manifest("a", dataset=name)], bucket="lake")


def test_a_source_whose_rows_differ_from_its_manifest_is_named():
    right, less, older, none, empty, ghost = (version(key) for key in "abcdef")
    expected = {right: 2, less: 2, older: 2, none: 2, empty: 0, ghost: 0}
    seen = [
        Count(right.uri, "run", 2),
        Count(less.uri, "run", 1),
        Count(older.uri, "run", 2),
        Count(older.uri, "old", 1),
        Count(ghost.uri, "old", 1),
    ]
    assert mismatched(expected, seen, run_id="run") == [less.id, older.id, none.id, ghost.id]


@pytest.mark.parametrize(
    ("kind", "value"), [("boolean", "true"), ("bigint", "-3"), ("date", "2025-03-01"), ("decimal(9,2)", "1.50")]
)
def test_a_typed_partition_is_compared_as_the_text_that_trino_casts_it_to(kind: str, value: str):
    account = replace(
        MANIFEST,
        partition_columns=[{"name": "v", "type": kind}],
        partitions=[PartitionCount({"v": value}, f"v={value}", 1)],
    )
    plan = count_query([LakeManifest(account, version("a"), ())], bucket="lake")
    assert 'WHERE CAST("v" AS varchar) IN (?) AND' in plan.query
    assert plan.parameters[0] == f"'{value}'"
