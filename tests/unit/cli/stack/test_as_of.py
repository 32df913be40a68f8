"""Queries as of a time or a tag."""

# ruff: noqa: S608 (the names of tables are the tests' own)
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.stack.as_of import as_of
from cli.stack.snapshots import NotAsOf, open_table, snapshot_at, text_of
from tests.unit.cli.lake_stack import publish, sold, stack
from tests.unit.cloud import DATABASE, Cloud


@pytest.fixture
def times(cloud: Cloud) -> list[datetime]:
    """Before the table's first snapshot, and after each of three."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    return [before, *(publish(cloud, "a", f"run-{number}", sold(number)) for number in (1, 2, 3))]


def ids() -> list[int]:
    return [each.snapshot_id for each in open_table(stack(), "sales").snapshots()]


def tag(name: str, snapshot_id: int) -> None:
    with open_table(stack(), "sales").manage_snapshots() as snapshots:
        snapshots.create_tag(snapshot_id, name)


def expire(*snapshot_ids: int) -> None:
    with open_table(stack(), "sales").maintenance.expire_snapshots() as expiry:
        expiry.by_ids(list(snapshot_ids))


def refusal(sql: str, when: str) -> str:
    with pytest.raises(NotAsOf) as refused:
        as_of(stack(), sql, when)
    return str(refused.value)


def test_the_snapshot_of_a_time_is_the_one_that_was_current(times: list[datetime]):
    assert [snapshot_at(open_table(stack(), "sales"), when).snapshot_id for when in times[1:]] == ids()


def test_every_table_of_a_query_is_read_as_of_then_and_the_rest_stays_as_it_is_written(times: list[datetime]):
    then = f"FOR TIMESTAMP AS OF TIMESTAMP '{text_of(times[1])}'"
    given = 'WITH x AS (SELECT * FROM sales s)  -- é\nSELECT  item FROM x WHERE item IN (SELECT item FROM "sales" t)'
    assert as_of(stack(), given, times[1].isoformat()) == (
        f"WITH x AS (SELECT * FROM sales {then} s)  -- é\nSELECT  item FROM x "
        f'WHERE item IN (SELECT item FROM "sales" {then} t)'
    )


def test_a_name_is_that_of_a_table_only_where_no_common_table_has_it(times: list[datetime]):
    given = "WITH sales AS (SELECT * FROM sales) SELECT * FROM sales"
    then = f"FOR TIMESTAMP AS OF TIMESTAMP '{text_of(times[1])}'"
    assert (
        as_of(stack(), given, times[1].isoformat()) == f"WITH sales AS (SELECT * FROM sales {then}) SELECT * FROM sales"
    )
    qualified = f"SELECT * FROM {DATABASE}.sales"
    assert as_of(stack(), qualified, times[1].isoformat()) == f"{qualified} {then}"


def test_a_tag_is_the_id_of_its_snapshot_and_a_clause_that_is_there_stays(times: list[datetime]):
    tag("march", ids()[1])
    given = "SELECT * FROM sales JOIN sales FOR VERSION AS OF 7 old USING (item)"
    assert as_of(stack(), given, "march") == given.replace("sales JOIN", f"sales FOR VERSION AS OF {ids()[1]} JOIN")


def test_a_duration_is_a_time_before_now(times: list[datetime]):
    time.sleep(0.01)
    assert "FOR TIMESTAMP AS OF" in as_of(stack(), "SELECT * FROM sales", "0m")


def test_an_unknown_tag_is_refused_with_those_that_there_are(times: list[datetime]):
    tag("march", ids()[1])
    assert "no tag 'april'; its tags: march. A time is 36h, 7d" in refusal("SELECT * FROM sales", "april")
    assert "no tag 'main'" in refusal("SELECT * FROM sales", "main")


def test_a_time_before_the_first_snapshot_or_in_the_future_is_refused(times: list[datetime]):
    assert "its first is of" in refusal("SELECT * FROM sales", times[0].isoformat())
    assert "in the future" in refusal("SELECT * FROM sales", "2999-01-01")


def test_a_time_is_refused_whose_snapshot_has_expired_and_not_answered_with_an_older_one_that_has_a_tag(
    times: list[datetime],
):
    first, second, third = ids()
    tag("march", first)
    expire(second)
    message = refusal("SELECT * FROM sales", times[2].isoformat())
    assert "has expired. Complete from" in message
    assert "tags, which do not expire: march" in message
    # The time of the tagged snapshot may lie after the expired one, too: nothing says when that began.
    assert "has expired" in refusal("SELECT * FROM sales", times[1].isoformat())
    assert str(first) in as_of(stack(), "SELECT * FROM sales", "march")
    assert snapshot_at(open_table(stack(), "sales"), times[3]).snapshot_id == third
    assert "AS OF TIMESTAMP" in as_of(stack(), "SELECT * FROM sales", times[3].isoformat())


def test_a_time_before_all_that_is_left_is_expired(times: list[datetime]):
    expire(*ids()[:2])
    assert "has expired" in refusal("SELECT * FROM sales", times[0].isoformat())


def glue_table(cloud: Cloud, name: str, kind: str, **parameters: str) -> None:
    described: dict[str, Any] = {"Name": name, "TableType": kind, "Parameters": parameters}
    cloud.glue.create_table(DatabaseName=DATABASE, TableInput=described)


def test_what_has_no_snapshots_is_refused_by_its_kind(cloud: Cloud, times: list[datetime]):
    glue_table(cloud, "flights", "EXTERNAL_TABLE", classification="parquet")
    glue_table(cloud, "sales_latest", "VIRTUAL_VIEW")
    then = times[1].isoformat()
    assert "a Parquet table, which only has its current rows" in refusal("SELECT * FROM sales, flights", then)
    assert "query its table" in refusal("SELECT * FROM sales_latest", then)
    assert "without --as-of" in refusal('SELECT * FROM "sales$snapshots"', then)
    assert "there is no table nope" in refusal("SELECT * FROM nope", then)


def test_only_one_select_can_be_as_of_a_time(times: list[datetime]):
    for sql in (
        "SHOW TABLES",
        "SELECT 1",
        "SELECT * FROM",
        "SELECT * FROM sales; SELECT * FROM sales",
        "DROP TABLE sales",
    ):
        assert "--as-of takes one SELECT" in refusal(sql, "2025-03-01"), sql
