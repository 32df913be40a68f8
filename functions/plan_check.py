"""PlanCheck: writes the query that counts the rows of a run's sources in the table."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import manifest_key, undo_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.manifest import Manifest
from sluice.publish.publisher import UndoRecord
from sluice.publish.row_counts import count_query

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
