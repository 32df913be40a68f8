"""Counts a sales file independently of Sluice: records split line by line, rules in plain SQL (sales.sql)."""

from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from samples.outcome import Counts
from samples.records import Record, read_records

RULES = Path(__file__).with_name("sales.sql")
BATCH_ROWS = 100_000
QUARANTINE_LIMIT = 0.2


class Oracle:
    """What ought to become of one sales file.

    `connection` holds the tables `published` (the contract's columns and _row_number), `quarantine` (the text
    columns, _raw, _reasons sorted, _row_number) and `discarded` (_row_number, name).
    """

    def __init__(self, csv: Path, *, memory_limit: str = "4GB", threads: int = 2) -> None:
        self.connection = duckdb.connect(config={"memory_limit": memory_limit, "threads": threads})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.rows_in = _load(self.connection, csv)
        self.connection.execute(RULES.read_text())
        self.counts = self._counted()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @property
    def rejected(self) -> bool:
        """More than a fifth of the rows are to be quarantined: nothing of the file is published."""
        return self.counts.quarantined > QUARANTINE_LIMIT * self.rows_in

    def _counted(self) -> Counts:
        def number(query: str) -> int:
            return int(self._rows(query)[0][0])

        return Counts(
            rows_in=self.rows_in,
            published=number("SELECT count(*) FROM published"),
            quarantined=number("SELECT count(*) FROM quarantine"),
            discarded=dict(self._rows("SELECT name, count(*) FROM discarded GROUP BY name")),
            reasons=dict(
                self._rows("SELECT r, count(*) FROM (SELECT unnest(_reasons) AS r FROM quarantine) GROUP BY r")
            ),
            partitions=dict(self._rows("SELECT sale_month, count(*) FROM published GROUP BY 1")),
        )

    def _rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()


def _load(connection: duckdb.DuckDBPyConnection, csv: Path) -> int:
    columns, records = read_records(csv)
    declared = ", ".join(f'"{name}" VARCHAR' for name in columns)
    connection.execute(f"CREATE TABLE source (_row_number BIGINT, {declared})")
    connection.execute("CREATE TABLE malformed (_row_number BIGINT, _raw VARCHAR, _reason VARCHAR)")
    rows_in = 0
    for batch in batched(records, BATCH_ROWS, strict=False):
        rows_in += len(batch)
        _insert(connection, "source", ["_row_number", *columns], _split_rows(batch))
        _insert(connection, "malformed", ["_row_number", "_raw", "_reason"], _malformed_rows(batch))
    return rows_in


def _split_rows(records: tuple[Record, ...]) -> Iterator[tuple]:
    return ((record.row_number, *record.fields) for record in records if record.reason is None)


def _malformed_rows(records: tuple[Record, ...]) -> Iterator[tuple]:
    return ((record.row_number, record.raw, record.reason) for record in records if record.reason)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], rows: Iterator[tuple]) -> None:
    values = list(zip(*rows, strict=True))
    if values:
        connection.register("incoming", pa.table(values, names=columns))
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")
