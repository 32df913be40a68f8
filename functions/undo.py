"""Undo: removes what a run has published of a source, and records FAILED and the reason in the ledger."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.maintain.copy_on_write import rewrite
from sluice.notify.messages import plain_cause
from sluice.publish.lake import Catalog, Lake
from sluice.publish.remove import undo

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"], rewrite)
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Return {id, status}: the ledger's status after it, PUBLISHED when the run had completed the source.

    Raises ManifestMissing. Repeating it is harmless.
    """
    task = Task.from_event(event)
    error = event["error"]["Error"]
    status = undo(LAKE, CATALOG, LEDGER, task, error=error, cause=plain_cause(event["error"]["Cause"]))
    logger.info("source undone", status=status, error=error)
    return {"id": task.source.id, "status": status}
