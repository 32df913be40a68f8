"""Describe: writes the pages of a run, of a rejected file and of their dataset, when all is done.

It is started by events, the ends of runs and Sluice's own, so that no page can fail or delay a run.
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
from sluice.report.page_writer import PageWriter

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.s3_files()
PAGES = PageWriter(
    S3,
    WORK_BUCKET,
    RunHistory(clients.client("dynamodb"), os.environ["LEDGER_TABLE"]),
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Return {pages}: the keys of what was written, none when a run has ended that is yet to be undone.

    event: the end of a run ("Step Functions Execution Status Change"), RunFailed or FileRejected.
    """
    kind, detail = event["detail-type"], event["detail"]
    logger.append_keys(event=kind)
    if kind == "FileRejected":
        written = pages.rejected(PAGES, rejected_source(detail))
    elif kind == "RunFailed":
        written = pages.run(PAGES, detail["run_id"])
    elif kind == "Step Functions Execution Status Change":
        # A run of a hundred files puts a hundred events, but it ends once. Recover puts RunFailed of what it undoes.
        written = pages.run(PAGES, detail["name"], if_decided=True)
    else:
        raise UnexpectedEvent(f"{kind} is no event that has a page")
    logger.info("pages written", pages=written)
    return {"pages": written}


def rejected_source(detail: dict[str, Any]) -> ObjectVersion:
    """Return the source from the validation report: the event has neither its size nor its sequencer."""
    named = ObjectVersion(detail["bucket"], detail["key"], detail["version_id"], sequencer="", size=0)
    return ObjectVersion.from_dict(get_json(S3, WORK_BUCKET, report_key(named))["source"])
