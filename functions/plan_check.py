"""PlanCheck: writes the one query that counts what readers now see of a run's sources."""

import os
from typing import Any

from sluice import clients
from sluice.counting import count_query
from sluice.layout import manifest_key, undo_key
from sluice.manifest import Manifest
from sluice.objects import ObjectVersion
from sluice.publishing import UndoRecord
from sluice.storage import get_json
from sluice.telemetry import LambdaContext, logger, tracer

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.client("s3")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {query, parameters} for athena:startQueryExecution.

    event: {run_id, dataset, published: [{source}, …]}, at least one. The query reads only the partitions that
    hold rows of the sources, or held some before this run.
    """
    run_id = event["run_id"]
    logger.append_keys(run_id=run_id, dataset=event["dataset"])
    sources = [ObjectVersion.from_dict(each["source"]) for each in event["published"]]
    manifest = Manifest.from_dict(get_json(S3, WORK_BUCKET, manifest_key(run_id, sources[0])))
    partitions = [values for source in sources for values in load(undo_key(run_id, source)).partitions]
    plan = count_query(event["dataset"], sources, partition_columns=manifest.partition_columns, partitions=partitions)
    logger.info("check planned", sources=len(sources), parameters=len(plan.parameters))
    return {"query": plan.query, "parameters": plan.parameters}


def load(key: str) -> UndoRecord:
    return UndoRecord.from_dict(get_json(S3, WORK_BUCKET, key))
