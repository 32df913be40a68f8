"""The newest row of a key is found over all files, by the SQL that readers are given."""

import duckdb
import sqlglot

from datasets.sentiment import contract
from sluice.newest import newest


def test_the_newest_row_of_a_key_wins_over_all_files():
    database = duckdb.connect()
    columns = ", ".join(f"{name} VARCHAR" for name in contract.published if name != "_row_number")
    database.execute(f"CREATE TABLE sentiment ({columns}, _row_number BIGINT)")
    rows = [
        ("p1", "1", "day 1", "a", 5),
        ("p1", "2", "day 2", "a", 1),
        ("p2", "3", None, "b", 9),
        ("p2", "4", "day 1", "a", 1),
    ]
    rows += [("p3", "5", "day 1", "a", 9), ("p3", "6", "day 1", "b", 1), ("p3", "7", "day 1", "b", 2)]
    for row in rows:
        database.execute(
            "INSERT INTO sentiment (post_id, score, received_at, _source_key, _row_number) VALUES (?, ?, ?, ?, ?)", row
        )
    sql = sqlglot.transpile(newest(contract), read="athena", write="duckdb")[0]
    found = database.execute(f"SELECT post_id, score FROM ({sql}) ORDER BY 1").fetchall()  # noqa: S608 (our own)
    assert found == [("p1", "2"), ("p2", "4"), ("p3", "7")]
