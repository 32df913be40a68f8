"""Commit: one snapshot of an Iceberg table takes in the files of all of a run's sources, and out the former ones."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.maintain.copy_on_write import rewrite
from sluice.publish.commit import commit
from sluice.publish.lake import Catalog, Lake

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"], rewrite)
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Return {added, removed}: data files of the table. event: {run_id, dataset, sources}.

    Raises LeaseLost, TableDisagrees, CommitConflict and ManifestMissing. Repeating it is harmless.
    """
    run_id, dataset = event["run_id"], event["dataset"]
    logger.append_keys(run_id=run_id, dataset=dataset)
    sources = [ObjectVersion.from_dict(source) for source in event["sources"]]
    done = commit(LAKE, CATALOG, LEDGER, run_id=run_id, dataset=dataset, sources=sources)
    logger.info("table committed", added=done.added, removed=done.removed, attempts=done.attempts)
    return {"added": done.added, "removed": done.removed}
