"""Asks Athena for the rows of one source. Only boto3: what a deployment needs is enough for its acceptance test."""

import time

from cli.smoke.samples import DATASET
from cli.stack.athena import QueryFailed
from cli.stack.connection import Stack

_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_PAUSE = 0.25
"""Seconds between two looks at a query."""

Rows = list[tuple[str, ...]]


def published(stack: Stack, uri: str) -> Rows:
    """Return row number, item, colour, amount, day, month and run of each published row of a source."""
    columns = "_row_number, item_id, colour, amount, sold_on, sold_month, _run_id"
    return _rows(stack, f"SELECT {columns} FROM {DATASET} WHERE _source_key = '{uri}' ORDER BY _row_number")  # noqa: S608 (our own key)


def quarantined(stack: Stack, uri: str) -> Rows:
    """Return row number, reasons joined by commas, and run of each quarantined row of a source."""
    columns = "_row_number, array_join(_reasons, ','), _run_id"
    table = f"{DATASET}_quarantine"
    return _rows(stack, f"SELECT {columns} FROM {table} WHERE _source_key = '{uri}' ORDER BY _row_number")  # noqa: S608 (our own key)


def counts(stack: Stack) -> tuple[int, int]:
    """Return how many rows the table and its quarantine have."""
    found = []
    for table in (DATASET, f"{DATASET}_quarantine"):
        ((count,),) = _rows(stack, f"SELECT count(*) FROM {table}")  # noqa: S608 (our own table)
        found.append(int(count))
    return found[0], found[1]


def _rows(stack: Stack, sql: str) -> Rows:
    """Return the cells of a result as text. Raises QueryFailed."""
    athena = stack.client("athena")
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": stack.output("DatabaseName")},
        WorkGroup=stack.output("WorkGroupName"),
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] in _ENDED:
            break
        time.sleep(_PAUSE)
    if status["State"] != "SUCCEEDED":
        raise QueryFailed(f"Athena: {status.get('StateChangeReason', status['State'])}")
    lines = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [tuple(cell.get("VarCharValue", "") for cell in line["Data"]) for line in lines[1:]]
