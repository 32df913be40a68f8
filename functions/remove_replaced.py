"""RemoveReplaced: removes the objects that the source had published before, and tags the uploads they came from."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.maintain.copy_on_write import rewrite
from sluice.publish.lake import Catalog, Lake
from sluice.publish.remove import remove_replaced

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"], rewrite)
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {id, removed}: of how many manifests. Raises ManifestMissing. Repeating it is harmless."""
    task = Task.from_event(event)
    removed = remove_replaced(LAKE, CATALOG, LEDGER, task.source)
    logger.info("replaced objects removed", removed=removed)
    return {"id": task.source.id, "removed": removed}
