import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.object_version import ObjectVersion
from sluice.publish.row_counts import Count, count_query, mismatched

MONTH = [{"name": "sale_month", "type": "string"}]
HOSTILE = ["sales/' OR 1=1 --.csv", 'sales/";DROP TABLE sales.csv', "sales/?,?.csv", "sales/Zürich 😀.csv", "x" * 1024]


def version(key: str) -> ObjectVersion:
    return ObjectVersion(bucket="raw", key=key, version_id="v1", sequencer="01", size=1)


def answer(
    rows: list[tuple[str, str, str]],
    sources: list[ObjectVersion],
    months: list[str],
    columns: list[dict[str, str]] = MONTH,
) -> list[tuple[str, str, int]]:
    """What the planned query gives over rows of (key, run, month)."""
    plan = count_query("sales", sources, partition_columns=columns, partitions=[{"sale_month": m} for m in months])
    assert all(len(literal) <= 1024 for literal in plan.parameters)
    parts = plan.query.split("?")
    assert len(parts) == len(plan.parameters) + 1
    sql = parts[0] + "".join(literal + part for literal, part in zip(plan.parameters, parts[1:], strict=True))
    database = duckdb.connect()
    database.execute("CREATE TABLE sales (_source_key VARCHAR, _run_id VARCHAR, sale_month VARCHAR)")
    if rows:
        database.executemany("INSERT INTO sales VALUES (?, ?, ?)", [(f"s3://raw/{k}", r, m) for k, r, m in rows])
    return sorted(database.execute(sqlglot.transpile(sql, read="trino", write="duckdb")[0]).fetchall())


def test_rows_are_counted_by_source_and_run():
    rows = [("a", "new", "03"), ("a", "new", "04"), ("a", "old", "04"), ("b", "new", "03"), ("other", "x", "03")]
    assert answer(rows, [version("a"), version("b")], ["03", "04"]) == [
        ("s3://raw/a", "new", 2),
        ("s3://raw/a", "old", 1),
        ("s3://raw/b", "new", 1),
    ]


def test_only_the_partitions_of_the_sources_are_read():
    assert answer([("a", "new", "03"), ("a", "new", "05")], [version("a")], ["03"]) == [("s3://raw/a", "new", 1)]


def test_a_source_without_any_row_ever_is_no_error():
    assert answer([("b", "new", "03")], [version("a")], []) == []


def test_a_table_without_partitions_is_counted():
    assert answer([("a", "new", "03")], [version("a")], [], columns=[]) == [("s3://raw/a", "new", 1)]


def test_very_many_partitions_are_a_range():
    months = [f"{number:04}" for number in range(500)]
    rows = [("a", "new", "0000"), ("a", "new", "0499"), ("a", "new", "0500")]
    assert answer(rows, [version("a")], months) == [("s3://raw/a", "new", 2)]
    plan = count_query("sales", [version("a")], partition_columns=MONTH, partitions=[{"sale_month": m} for m in months])
    assert len(plan.parameters) == 3


def test_partitions_of_other_types_are_compared_as_text():
    columns = [{"name": "sale_month", "type": "int"}]
    assert answer([("a", "new", "3")], [version("a")], ["3"], columns) == [("s3://raw/a", "new", 1)]


def test_a_hundred_sources_fit_the_parameters():
    sources = [version(f"sales/{number}.csv") for number in range(100)]
    rows = [(source.key, "new", "03") for source in sources]
    assert len(answer(rows, sources, ["03"])) == 100


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_counted_like_any_other(key: str):
    assert answer([(key, "new", "03"), ("a", "new", "03")], [version(key)], ["03"]) == [(f"s3://raw/{key}", "new", 1)]


@given(st.text(max_size=60))
def test_any_partition_value_is_only_a_value(month: str):
    if "\x00" in month:
        return
    assert answer([("a", "new", month), ("a", "new", month + "'")], [version("a")], [month]) == [
        ("s3://raw/a", "new", 1)
    ]


@pytest.mark.parametrize("name", ["sales; DROP TABLE x", 'sales"', "", "Sales"])
def test_a_name_that_is_no_identifier_is_refused(name: str):
    with pytest.raises(ValueError, match="identifier"):
        count_query(name, [version("a")], partition_columns=[], partitions=[])


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
    plan = count_query(
        "sales", [version("a")], partition_columns=[{"name": "v", "type": kind}], partitions=[{"v": value}]
    )
    assert 'WHERE CAST("v" AS varchar) IN (?) AND' in plan.query
    assert plan.parameters[0] == f"'{value}'"
