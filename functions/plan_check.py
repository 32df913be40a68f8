"""PlanCheck: writes the query that counts the rows of a run's sources in the table."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import lake_manifest_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.publish.lake import Lake, read_manifest
from sluice.publish.row_counts import count_query

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {query, parameters} for athena:startQueryExecution.

    event: {run_id, dataset, published: [{source}, …]}, at least one. The query reads only the objects that this
    run has published. Raises ManifestMissing.
    """
    run_id = event["run_id"]
    logger.append_keys(run_id=run_id, dataset=event["dataset"])
    sources = [ObjectVersion.from_dict(each["source"]) for each in event["published"]]
    keys = [lake_manifest_key(event["dataset"], run_id, source) for source in sources]
    plan = count_query([read_manifest(LAKE, key) for key in keys], bucket=LAKE.bucket)
    logger.info("check planned", sources=len(sources), parameters=len(plan.parameters))
    return {"query": plan.query, "parameters": plan.parameters}
