"""Recover: undoes a run whose state machine died, was stopped or ran out of time, so that none stays half published."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import run_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.errors import UnexpectedEvent
from sluice.ledger.ledger import CLEANING, FAILED, PUBLISHED, RECEIVED, Ledger
from sluice.ledger.runs import Run, Task
from sluice.maintain.copy_on_write import rewrite
from sluice.notify.send import failures_of, report_failures
from sluice.publish.lake import Catalog, Lake
from sluice.publish.remove import remove_replaced, undo

WORK_BUCKET = os.environ["WORK_BUCKET"]
STATE_MACHINE_ARN = os.environ["STATE_MACHINE_ARN"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]

S3 = clients.client("s3")
LAKE = Lake(S3, os.environ["LAKE_BUCKET"], rewrite)
CATALOG = Catalog(clients.client("glue"), os.environ["DATABASE"])
SNS = clients.client("sns")
EVENTS = clients.client("events")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {run_id, undone: how many}. event: "Step Functions Execution Status Change" of our machine.

    A run that undid and reported all its failures itself is not touched.
    """
    detail = event["detail"]
    if event["source"] != "aws.states" or detail["stateMachineArn"] != STATE_MACHINE_ARN:
        raise UnexpectedEvent(f"not an execution of ours: {event['source']}, {detail['stateMachineArn']}")
    # The run is read from the work bucket: an event does not carry inputs above 256 KiB.
    run = Run.from_dict(get_json(S3, WORK_BUCKET, run_key(detail["name"])))
    logger.append_keys(run_id=run.run_id, dataset=run.dataset, status=detail["status"])
    error = {
        "Error": f"Execution{detail['status'].title().replace('_', '')}",
        "Cause": detail.get("cause") or f"the state machine ended as {detail['status']} before it was done",
    }
    failed = [{"source": source.to_dict(), "error": error} for source in run.sources if give_up(run, source, error)]
    if failed:
        failures = failures_of(LEDGER, failed)
        report_failures(EVENTS, SNS, run, failures, bus=EVENT_BUS, topic_arn=ALERTS_TOPIC_ARN)
    logger.info("run recovered", undone=len(failed))
    return {"run_id": run.run_id, "undone": len(failed)}


def give_up(run: Run, source: ObjectVersion, error: dict[str, str]) -> bool:
    """Undo a source that the run left undecided, or remove what it has replaced; return whether it is FAILED now."""
    entry = LEDGER.entry(source)
    if entry.get("run_id") != run.run_id:
        return False
    if entry["status"] == PUBLISHED:
        remove_replaced(LAKE, CATALOG, LEDGER, source)
    if entry["status"] not in (RECEIVED, CLEANING):
        return False
    task = Task(run.run_id, run.dataset, source)
    return undo(LAKE, CATALOG, LEDGER, task, error=error["Error"], cause=error["Cause"]) == FAILED
