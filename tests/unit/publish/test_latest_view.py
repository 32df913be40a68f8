"""The latest row of a key is found over all files, by the SQL that readers are given."""

import duckdb
import sqlglot

from sluice.publish.latest_view import latest

ROWS = [
    ("p1", "1", "day 1", "a", 5),
    ("p1", "2", "day 2", "a", 1),
    ("p2", "3", None, "b", 9),
    ("p2", "4", "day 1", "a", 1),
    ("p3", "5", "day 1", "a", 9),
    ("p3", "6", "day 1", "b", 1),
    ("p3", "7", "day 1", "b", 2),
]


def found(by: str | None) -> list[tuple[str, str]]:
    database = duckdb.connect()
    database.execute(
        'CREATE TABLE "table" ("order" VARCHAR, score VARCHAR, received_at VARCHAR, _source_key VARCHAR, '
        "_row_number BIGINT)"
    )
    database.executemany('INSERT INTO "table" VALUES (?, ?, ?, ?, ?)', ROWS)
    sql = latest("table", ["order", "score"], key=["order"], by=by)
    rows: list[tuple[str, str]] = database.execute(
        sqlglot.transpile(sql, read="athena", write="duckdb")[0] + " ORDER BY 1"
    ).fetchall()
    return rows


def test_the_latest_row_of_a_key_wins_over_all_files():
    assert found("received_at") == [("p1", "2"), ("p2", "4"), ("p3", "7")]


def test_without_a_latest_column_the_last_row_of_the_last_file_wins():
    assert found(None) == [("p1", "1"), ("p2", "3"), ("p3", "7")]
