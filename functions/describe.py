"""Describe: whoever wants to know what a run did finds a page of it, written when all is done.

It listens to the ends of runs and to what Sluice tells everyone, so that no page can fail a run or make it wait.
"""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import report_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.errors import UnexpectedEvent
from sluice.ledger.history import RunHistory
from sluice.report import pages

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.s3_files()
PAGES = pages.PageWriter(
    S3,
    WORK_BUCKET,
    RunHistory(clients.client("dynamodb"), os.environ["LEDGER_TABLE"]),
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Return {pages}: the keys of what was written, none when a run has ended that is still to be undone.

    event: the end of a run ("Step Functions Execution Status Change"), RunFailed or FileRejected.
    """
    kind, detail = event["detail-type"], event["detail"]
    logger.append_keys(event=kind)
    if kind == "FileRejected":
        written = pages.rejected(PAGES, rejected_source(detail))
    elif kind == "RunFailed":
        written = pages.run(PAGES, detail["run_id"])
    elif kind == "Step Functions Execution Status Change":
        # A run of a hundred files tells a hundred times, but it ends once. Recover tells of what it undoes.
        written = pages.run(PAGES, detail["name"], if_decided=True)
    else:
        raise UnexpectedEvent(f"{kind} is told by nobody here")
    logger.info("pages written", pages=written)
    return {"pages": written}


def rejected_source(detail: dict[str, Any]) -> ObjectVersion:
    """Return the source as the gate's report has it: the event leaves out its size and its place in order."""
    named = ObjectVersion(detail["bucket"], detail["key"], detail["version_id"], sequencer="", size=0)
    return ObjectVersion.from_dict(get_json(S3, WORK_BUCKET, report_key(named))["source"])
