"""Makes a query read Iceberg tables as of a time or a tag."""

from datetime import datetime

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from cli.stack.connection import Stack
from cli.stack.snapshots import NotAsOf, open_table, snapshot_at, snapshot_of_tag, text_of
from cli.terminal.options import instant


def as_of(stack: Stack, sql: str, when: str) -> str:
    """Return a statement in which every table is read as of a time or a tag.

    The clause is put after the table's name; all else stays as it is written. A table that has such a clause keeps it.
    Athena documents times and ids of snapshots, so a tag becomes the id:
    https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-time-travel-and-version-travel-queries.html

    Raises NotAsOf for a statement that is no SELECT, a table that is no Iceberg table, and a time or tag without a
    snapshot.
    """
    try:
        time = instant(when)
    except ValueError:
        time = None
    clauses = {_end(table): _clause(stack, table, when, time) for table in _tables(sql)}
    for end, clause in sorted(clauses.items(), reverse=True):
        sql = f"{sql[:end]} {clause}{sql[end:]}"
    return sql


def _tables(sql: str) -> list[exp.Table]:
    try:
        (statement,) = sqlglot.parse(sql, dialect="athena")
        scopes = traverse_scope(statement) if isinstance(statement, exp.Query) else []
    except (SqlglotError, ValueError) as error:
        raise NotAsOf(f"--as-of takes one SELECT, and this cannot be read as one: {error}") from error
    found = [each for scope in scopes for each in scope.sources.values() if isinstance(each, exp.Table)]
    if not found:
        raise NotAsOf("--as-of takes one SELECT from a table")
    return [each for each in found if not each.args.get("version")]


def _clause(stack: Stack, table: exp.Table, when: str, time: datetime | None) -> str:
    name = table.name.lower()
    if "$" in name:
        raise NotAsOf(f"{name} has the metadata of all snapshots: query it without --as-of")
    opened = open_table(stack, name, table.db.lower() or None)
    if time is None:
        return f"FOR VERSION AS OF {snapshot_of_tag(opened, when).snapshot_id}"
    snapshot_at(opened, time)
    return f"FOR TIMESTAMP AS OF TIMESTAMP '{text_of(time)}'"


def _end(table: exp.Table) -> int:
    return int(table.this.meta["end"]) + 1
