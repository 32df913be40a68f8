"""Check: the rows of each source that readers see in this run's objects must equal its manifest."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import lake_manifest_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.publish.lake import Lake, read_manifest
from sluice.publish.row_counts import counts, mismatched

LAKE = Lake(clients.client("s3"), os.environ["LAKE_BUCKET"])
ATHENA = clients.client("athena")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Return {ok: ids, mismatched: ids} of the sources. event: {run_id, dataset, query_execution_id, sources}.

    Raises ManifestMissing.
    """
    run_id, dataset = event["run_id"], event["dataset"]
    logger.append_keys(run_id=run_id, dataset=dataset)
    sources = [ObjectVersion.from_dict(source) for source in event["sources"]]
    expected = {source: published(dataset, run_id, source) for source in sources}
    seen = list(counts(ATHENA, event["query_execution_id"]))
    wrong = mismatched(expected, seen, run_id=run_id)
    for source in sources:
        if source.id in wrong:
            found = {count.run_id: count.rows for count in seen if count.source_key == source.uri}
            logger.error("row counts differ", source_id=source.id, expected=expected[source], found=found)
    return {"ok": [source.id for source in sources if source.id not in wrong], "mismatched": wrong}


def published(dataset: str, run_id: str, source: ObjectVersion) -> int:
    return read_manifest(LAKE, lake_manifest_key(dataset, run_id, source)).account.published
