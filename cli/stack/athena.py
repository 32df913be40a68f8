"""Runs queries in the stack's Athena workgroup, by awswrangler."""

import importlib.util
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cli.stack.connection import Stack
from cli.terminal import output
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame

_CHUNK_ROWS = 100_000
_WITHOUT_CSV = re.compile(r"\s*(SHOW|DESC|DESCRIBE|EXPLAIN)\b", re.IGNORECASE)
"""Statements whose result awswrangler does not read: Athena writes it as lines of text."""


class QueryFailed(SluiceError):
    """Athena refused or failed a query."""


def select(stack: Stack, sql: str) -> "DataFrame":
    """Return the result of a statement. Raises QueryFailed."""
    return _run(stack, sql, [], None)


def chunks(stack: Stack, sql: str, parameters: list[str]) -> Iterator["DataFrame"]:
    """Yield the result of a statement in chunks. parameters: SQL literals for its `?`. Raises QueryFailed."""
    yield from _run(stack, sql, parameters, _CHUNK_ROWS)


def require_local_group() -> None:
    """End the command with exit code 2 where the packages of the dependency group `local` are not installed."""
    if importlib.util.find_spec("awswrangler") is None:
        output.fail("awswrangler is not installed: .venv/bin/uv sync --inexact --frozen --group local", code=2)


def _run(stack: Stack, sql: str, parameters: list[str], chunk_rows: int | None) -> Any:
    require_local_group()
    logging.getLogger("awswrangler").setLevel(logging.ERROR)
    import awswrangler

    more: dict[str, Any] = {"params": parameters, "paramstyle": "qmark"} if parameters else {}
    try:
        if _WITHOUT_CSV.match(sql):
            return _lines(stack, sql)
        return awswrangler.athena.read_sql_query(
            sql,
            database=stack.output("DatabaseName"),
            workgroup=stack.output("WorkGroupName"),
            ctas_approach=False,  # CTAS would leave a table in the database
            chunksize=chunk_rows,
            boto3_session=stack.session,
            athena_query_wait_polling_delay=0.25,
            **more,
        )
    except (awswrangler.exceptions.QueryFailed, awswrangler.exceptions.QueryCancelled, ClientError) as error:
        raise QueryFailed(str(error)) from error


def _lines(stack: Stack, sql: str) -> "DataFrame":
    """Return the result of a SHOW or DESCRIBE: its lines, split at tabs where they have several columns."""
    import awswrangler
    import pandas as pd

    query_id = awswrangler.athena.start_query_execution(
        sql,
        database=stack.output("DatabaseName"),
        workgroup=stack.output("WorkGroupName"),
        boto3_session=stack.session,
    )
    awswrangler.athena.wait_query(query_id, stack.session, athena_query_wait_polling_delay=0.25)
    names: list[str] = []
    rows: list[list[str]] = []
    for page in stack.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        names = [column["Name"] for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        for row in page["ResultSet"]["Rows"]:
            text = "\t".join(cell.get("VarCharValue", "") for cell in row["Data"])
            cells = text.split("\t", len(names) - 1) if len(names) > 1 else [text]
            rows.append([cell.strip() for cell in cells] + [""] * (len(names) - len(cells)))
    return pd.DataFrame(rows, columns=names, dtype="string")
