"""Report: notifies people and systems which sources of a run failed and why; then the run ends as failed."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import run_key
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Run
from sluice.notify.send import failures_of, report_failures

WORK_BUCKET = os.environ["WORK_BUCKET"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]

S3 = clients.client("s3")
SNS = clients.client("sns")
EVENTS = clients.client("events")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {run_id, failed: how many}. event: {run_id, dataset, failed: [{source, error: {Error, Cause}}]}."""
    run = Run.from_dict(get_json(S3, WORK_BUCKET, run_key(event["run_id"])))
    logger.append_keys(run_id=run.run_id, dataset=run.dataset)
    failures = failures_of(LEDGER, event["failed"])
    report_failures(EVENTS, SNS, run, failures, bus=EVENT_BUS, topic_arn=ALERTS_TOPIC_ARN)
    logger.info("failure reported", failed=[(failure.source.id, failure.error) for failure in failures])
    return {"run_id": run.run_id, "failed": len(failures)}
