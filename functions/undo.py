"""Undo: restores what was published of the source before, and records FAILED and the reason in the ledger."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.notify.messages import plain_cause
from sluice.publish.undo import undo

WORK_BUCKET = os.environ["WORK_BUCKET"]
LAKE_BUCKET = os.environ["LAKE_BUCKET"]

S3 = clients.client("s3")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Return {id, status}: the ledger's status after it, PUBLISHED when the run had completed the source.

    Raises CannotRestore. Repeating it is harmless.
    """
    task = Task.from_event(event)
    status = undo(
        S3,
        LEDGER,
        task.source,
        run_id=task.run_id,
        work_bucket=WORK_BUCKET,
        lake_bucket=LAKE_BUCKET,
        error=event["error"]["Error"],
        cause=plain_cause(event["error"]["Cause"]),
    )
    logger.info("source undone", status=status, error=event["error"]["Error"])
    return {"id": task.source.id, "status": status}
