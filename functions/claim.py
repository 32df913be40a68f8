"""Claim: a run claims a source, each object version once, and never an older one after a newer one."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.errors import ClaimRefused
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task

RAW_BUCKET = os.environ["RAW_BUCKET"]
SMALL_FILE_BYTES = int(os.environ["SMALL_FILE_BYTES"])
LEASE_SECONDS = int(os.environ["LEASE_SECONDS"])

LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {id, claimed, engine}. Raises SourceBusy (worth another try) and ClaimRefused."""
    task = Task.from_event(event)
    if task.source.bucket != RAW_BUCKET:
        raise ClaimRefused(f"{task.source.uri} is not in the raw bucket")
    engine = choose_engine(task.source)
    claimed = LEDGER.claim(task.source, run_id=task.run_id, lease_seconds=LEASE_SECONDS, engine=engine)
    logger.info("source claimed" if claimed else "nothing to do", engine=engine)
    return {"id": task.source.id, "claimed": claimed, "engine": engine}


def choose_engine(source: ObjectVersion) -> str:
    """Return polars for a small file, else spark; a compressed file counts as the text in it."""
    text = int(LEDGER.entry(source).get("bytes_text", source.size))
    return "polars" if max(text, source.size) <= SMALL_FILE_BYTES else "spark"
