"""Publish: the staged files become new files of the table, beside those that the source has published before."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.publish.lake import Catalog, Lake
from sluice.publish.publisher import publish

WORK_BUCKET = os.environ["WORK_BUCKET"]
LEASE_SECONDS = int(os.environ["LEASE_SECONDS"])

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"])
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {id, table, new_partitions}: the kind of the table, and how many partitions the catalog did not have.

    Raises LeaseLost, ManifestRefused and TableDisagrees. Repeating it is harmless.
    """
    task = Task.from_event(event)
    LEDGER.hold(task.source, run_id=task.run_id, lease_seconds=LEASE_SECONDS)
    done = publish(LAKE, CATALOG, LEDGER, task, work_bucket=WORK_BUCKET)
    logger.info("files published", new_partitions=done.new_partitions)
    return {"id": task.source.id, "table": done.table, "new_partitions": done.new_partitions}
