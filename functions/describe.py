"""Describe: whoever wants to know what a run did finds a page of it, written when all is done.

It listens to the events that Sluice tells everyone, so that no page can fail a run or make it wait.
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from sluice.errors import UnexpectedEvent
from sluice.layout import report_key, run_key
from sluice.ledger import CLEANING, RECEIVED
from sluice.objects import ObjectVersion
from sluice.past import Memory
from sluice.runs import Run
from sluice.storage import CLIENT_CONFIG, get_json
from sluice.telemetry import logger, tracer

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = boto3.client("s3", config=CLIENT_CONFIG)
MEMORY = Memory(boto3.resource("dynamodb", config=CLIENT_CONFIG).meta.client, os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Return {pages}: the keys of what was written. event: DatasetUpdated, RunFailed or FileRejected."""
    kind, detail = event["detail-type"], event["detail"]
    logger.append_keys(event=kind, dataset=detail["dataset"])
    if kind not in ("DatasetUpdated", "RunFailed", "FileRejected"):
        raise UnexpectedEvent(f"{kind} is told by nobody here")
    if kind == "DatasetUpdated" and undecided(detail["run_id"]):
        # A run of a hundred files tells a hundred times; the last one to be done has it described.
        return {"pages": []}
    pages = describe(kind, detail)
    logger.info("pages written", pages=pages)
    return {"pages": pages}


def undecided(run_id: str) -> int:
    """Return how many of the run's files are still on their way."""
    run = Run.from_dict(get_json(S3, WORK_BUCKET, run_key(run_id)))
    entries = MEMORY.entries(run.sources).values()
    return sum(entry.get("run_id") == run_id and entry["status"] in (RECEIVED, CLEANING) for entry in entries)


def describe(kind: str, detail: dict[str, Any]) -> list[str]:
    # Polars and the contracts are imported only for a page: most events of a large run need none.
    from sluice import describing

    desk = describing.Desk(S3, WORK_BUCKET, MEMORY)
    if kind == "FileRejected":
        return describing.rejected(desk, rejected_source(detail))
    return describing.run(desk, detail["run_id"])


def rejected_source(detail: dict[str, Any]) -> ObjectVersion:
    """Return the source as the gate's report has it: the event leaves out its size and its place in order."""
    named = ObjectVersion(detail["bucket"], detail["key"], detail["version_id"], sequencer="", size=0)
    return ObjectVersion.from_dict(get_json(S3, WORK_BUCKET, report_key(named))["source"])
