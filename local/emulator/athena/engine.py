"""Runs one Trino statement with DuckDB, over the tables of the Glue catalog, with the caller's permissions.

No patch of its own: `queries` uses it. sqlglot's dialects are imported here and given as classes: a dialect that is
given by its name is imported by the first query, and registered before it is complete, so that a query of another
thread fails.
"""

from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from botocore.exceptions import ClientError
from sqlglot import exp
from sqlglot.dialects import Athena, DuckDB

from local.emulator.athena import statements
from local.emulator.athena.ctas import TableWriter
from local.emulator.athena.errors import described
from local.emulator.athena.files import BadData
from local.emulator.athena.naming import mark_unnamed, named
from local.emulator.athena.partitions import repair
from local.emulator.athena.results import QueryCancelled, QueryFailed, Result, column_information, text_of
from local.emulator.athena.tables import Tables
from local.emulator.athena.views import expand, named_tables
from local.emulator.iam import roles

LITERALS = (exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Cast)


@dataclass(frozen=True)
class Limits:
    """`bytes_scanned`: the workgroup's BytesScannedCutoffPerQuery, or None."""

    bytes_scanned: int | None


class Engine:
    """One query's engine; `bytes_scanned` counts the column chunks of the files that were read."""

    def __init__(self, credentials: roles.Credentials, *, database: str, writer: TableWriter) -> None:
        self._credentials = credentials
        self._database = database
        self._writer = writer
        self.bytes_scanned = 0

    def run(self, sql: str, parameters: list[str] | None, limits: Limits) -> Result:
        """The statement's result. Raises QueryFailed, QueryCancelled, ClientError."""
        if sql.lstrip().upper().startswith("MSCK"):
            return repair(self._credentials, self._database, sql)
        if (result := statements.answer(self._credentials, self._database, sql)) is not None:
            return result
        statement = self._writer.query_of(bound(parsed(sql), parameters or []))
        if not isinstance(statement, exp.Query):
            raise QueryFailed(f"NOT_SUPPORTED: {statement.key} statements are not supported by the local Athena")
        mark_unnamed(statement)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET threads = 2; SET memory_limit = '1GB'; SET TimeZone = 'UTC'")
            tables = Tables(self._credentials, connection)
            try:
                self._declare(statement, tables)
                self.bytes_scanned = tables.bytes_scanned
                if limits.bytes_scanned is not None and self.bytes_scanned > limits.bytes_scanned:
                    raise QueryCancelled("Bytes scanned limit was exceeded")
                translated = statement.sql(dialect=DuckDB)
                connection.execute("SET integer_division = true")  # 7 / 2 is 3 in Trino
                return self._writer.answer(connection, translated) or named(fetched(connection.execute(translated)))
            except BadData as error:
                raise QueryFailed(f"{error.kind}: {error}") from error
            except duckdb.Error as error:
                raise QueryFailed(described(error)) from error
            except ClientError as error:
                raise QueryFailed(permission_message(error)) from error

    def _declare(self, statement: exp.Query, tables: Tables) -> None:
        """Make each table that the statement names a view of DuckDB, and let the statement name that."""
        expand(statement, tables, database=self._database)
        for node in list(named_tables(statement)):
            view = tables.declare((node.db or self._database).lower(), node, statement)
            alias = node.alias or node.name
            node.replace(exp.table_(view, alias=alias, quoted=True))
        for column in statement.find_all(exp.Column):
            column.set("db", None)  # db.table.column: the view's alias is the table's name only
            column.set("catalog", None)


def parsed(sql: str) -> Any:
    """The one statement of a text in Athena's SQL. Raises QueryFailed."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=Athena) if statement is not None]
    except sqlglot.errors.SqlglotError as error:
        raise QueryFailed(f"SYNTAX_ERROR: {error}") from error
    if len(statements) != 1:
        raise QueryFailed("Only one sql statement is allowed.")
    return statements[0]


def bound(statement: exp.Expression, parameters: list[str]) -> exp.Expression:
    """The statement with each `?` replaced by its parameter, which must be a literal of SQL."""
    placeholders = [node for node in statement.dfs() if isinstance(node, exp.Placeholder)]
    if len(placeholders) != len(parameters):
        raise QueryFailed(
            f"SYNTAX_ERROR: Incorrect number of parameters: expected {len(placeholders)} but found {len(parameters)}"
        )
    for placeholder, text in zip(placeholders, parameters, strict=True):
        literal = parsed(f"SELECT {text}")
        values = literal.expressions if isinstance(literal, exp.Select) and len(literal.args) else []
        if len(values) != 1 or not all(isinstance(node, (*LITERALS, exp.DataType)) for node in values[0].walk()):
            raise QueryFailed(f"SYNTAX_ERROR: execution parameter {text} is not a literal")
        placeholder.replace(values[0])
    return statement


def fetched(answer: Any) -> Result:
    names = [column[0] for column in answer.description]
    columns = [column_information(column[0], str(column[1])) for column in answer.description]
    if any("WITH TIME ZONE" in str(column[1]) for column in answer.description):
        # Without pytz, DuckDB returns such values only by way of Arrow.
        table = answer.to_arrow_table()
        rows = zip(*(column.to_pylist(maps_as_pydicts="strict") for column in table.columns), strict=True)
    else:
        rows = answer.fetchall()
    return Result(names, columns, [[text_of(value) for value in row] for row in rows])


def permission_message(error: ClientError) -> str:
    return f"PERMISSION_DENIED or missing: {error}"
