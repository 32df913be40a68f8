"""Watch: notifies people of stale datasets and of objects in the raw bucket that the ledger has never seen, and starts
files whose hold for a batch has ended without a run.

It runs on a schedule, since what does not happen causes no event.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.aws import clients
from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import LambdaContext, count, logger, tracer
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.ingest.unseen import GRACE, unseen
from sluice.ingest.upload_event import event_of
from sluice.ledger.history import RunHistory
from sluice.ledger.ledger import HOLD_SECONDS
from sluice.notify.messages import Notice, dataset_stale, objects_unseen
from sluice.notify.send import alert, put_event
from sluice.report.dataset_page import is_stale

RAW_BUCKET = os.environ["RAW_BUCKET"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]
WATCH_MINUTES = int(os.environ["WATCH_MINUTES"])
UPLOAD_QUEUE_URL = os.environ["UPLOAD_QUEUE_URL"]
LOOK_BACK = timedelta(seconds=HOLD_SECONDS, days=3)
"""Holds that ended within three days are found: as long as the watch may fail over a long weekend."""

S3 = clients.client("s3")
SNS = clients.client("sns")
EVENTS = clients.client("events")
SQS = clients.client("sqs")
HISTORY = RunHistory(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {stale, notified}: names of datasets, {released}: ids of held versions, {unseen}: how many objects.

    event: the rule's "Scheduled Event"; its time is now. Each dataset and object is notified once, by the first watch
    that can find it; the alarms stay.
    """
    now = datetime.fromisoformat(event["time"]).astimezone(UTC)
    watched = [contract for contract in registry.contracts().values() if contract.expected_every]
    last = {contract.name: HISTORY.last_published(contract.name) for contract in watched}
    stale = [contract for contract in watched if is_stale(contract.expected_every, last[contract.name], now)]
    earlier = now - timedelta(minutes=WATCH_MINUTES)
    new = [contract for contract in stale if not is_stale(contract.expected_every, last[contract.name], earlier)]
    for contract in new:
        notify(contract, last[contract.name])
    missed = unseen(S3, RAW_BUCKET, HISTORY.entries, now=now, within=timedelta(days=1))
    if first := [version for uploaded, version in missed if uploaded > earlier - GRACE]:
        send(objects_unseen(first, raw_bucket=RAW_BUCKET))
    count(StaleDatasets=len(stale), UnseenObjects=len(missed))
    released = [source.id for dataset in registry.contracts() for source in release(dataset, now)]
    answer: dict[str, Any] = {
        "stale": [contract.name for contract in stale],
        "notified": [contract.name for contract in new],
        "released": released,
        "unseen": len(missed),
    }
    logger.info("datasets watched", watched=len(watched), **answer)
    return answer


def release(dataset: str, now: datetime) -> list[ObjectVersion]:
    """Announce the dataset's versions whose hold has ended: Validate starts a run for each."""
    entries = HISTORY.held_until(now, dataset, since=now - LOOK_BACK)
    sources = [ObjectVersion.from_item(entry) for entry in entries]
    for source in sources:
        SQS.send_message(QueueUrl=UPLOAD_QUEUE_URL, MessageBody=json.dumps(event_of(source)))
    return sources


def notify(contract: Contract, last: str) -> None:
    every = contract.expected_every or timedelta(0)
    send(dataset_stale(contract.name, last_published=last, expected_every=every, raw_bucket=RAW_BUCKET))


def send(notice: Notice) -> None:
    put_event(EVENTS, EVENT_BUS, notice)
    alert(SNS, ALERTS_TOPIC_ARN, notice)
