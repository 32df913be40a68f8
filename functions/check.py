"""Check: the rows of each source in the table must equal its manifest, with no row of an older run left."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import manifest_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.manifest import Manifest
from sluice.publish.row_counts import counts, mismatched

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.client("s3")
ATHENA = clients.client("athena")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Return {ok: ids, mismatched: ids} of the sources. event: {run_id, query_execution_id, sources}."""
    run_id = event["run_id"]
    logger.append_keys(run_id=run_id, dataset=event["dataset"])
    sources = [ObjectVersion.from_dict(source) for source in event["sources"]]
    expected = {source: published(run_id, source) for source in sources}
    seen = list(counts(ATHENA, event["query_execution_id"]))
    wrong = mismatched(expected, seen, run_id=run_id)
    for source in sources:
        if source.id in wrong:
            found = {count.run_id: count.rows for count in seen if count.source_key == source.uri}
            logger.error("row counts differ", source_id=source.id, expected=expected[source], found=found)
    return {"ok": [source.id for source in sources if source.id not in wrong], "mismatched": wrong}


def published(run_id: str, source: ObjectVersion) -> int:
    return Manifest.from_dict(get_json(S3, WORK_BUCKET, manifest_key(run_id, source))).published
