"""Watch: notifies people of stale datasets, which have published nothing for longer than their contract says, and of
objects in the raw bucket that the ledger has never seen.

It runs on a schedule, since what is missing causes no event.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, count, logger, tracer
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.ingest.unseen import GRACE, unseen
from sluice.ledger.history import RunHistory
from sluice.notify.messages import Notice, dataset_stale, objects_unseen
from sluice.notify.send import alert, put_event
from sluice.report.dataset_page import is_stale

RAW_BUCKET = os.environ["RAW_BUCKET"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]
WATCH_MINUTES = int(os.environ["WATCH_MINUTES"])

S3 = clients.client("s3")
SNS = clients.client("sns")
EVENTS = clients.client("events")
HISTORY = RunHistory(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {stale, notified}: names of datasets, and {unseen}: how many objects. event: the rule's "Scheduled Event".

    Its time is now. Each dataset and object is notified once, by the first watch that can find it; the alarms stay.
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
    answer: dict[str, Any] = {
        "stale": [contract.name for contract in stale],
        "notified": [contract.name for contract in new],
        "unseen": len(missed),
    }
    logger.info("datasets watched", watched=len(watched), **answer)
    return answer


def notify(contract: Contract, last: str) -> None:
    every = contract.expected_every or timedelta(0)
    send(dataset_stale(contract.name, last_published=last, expected_every=every, raw_bucket=RAW_BUCKET))


def send(notice: Notice) -> None:
    put_event(EVENTS, EVENT_BUS, notice)
    alert(SNS, ALERTS_TOPIC_ARN, notice)
