"""Verify: compares on a schedule what the ledger promises with what is there, and reports each kind of difference."""

import os
import time
from collections import Counter
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.notify.messages import lake_differs
from sluice.notify.send import alert, put_event
from sluice.publish.inventory import Stores
from sluice.publish.verify import ADVICE, HARMLESS, verify

ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]
STORES = Stores(
    s3=clients.client("s3"),
    dynamodb=clients.client("dynamodb"),
    glue=clients.client("glue"),
    ledger_table=os.environ["LEDGER_TABLE"],
    lake_bucket=os.environ["LAKE_BUCKET"],
    raw_bucket=os.environ["RAW_BUCKET"],
    database=os.environ["DATABASE"],
)
SNS = clients.client("sns")
EVENTS = clients.client("events")

_MOST_LOGGED = 100


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, dict[str, int]]:
    """Return {differences: kind → how many}. event: the rule's "Scheduled Event".

    Nothing is repaired here, and Athena is not asked: `sluice verify` does both. The first hundred are logged.
    Harmless differences are left out.
    """
    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    for difference in verify(STORES, now=time.time()):
        if difference.kind in HARMLESS:
            continue
        if kinds.total() < _MOST_LOGGED:
            logger.warning("difference", extra=difference.to_dict())
        kinds[difference.kind] += 1
        first.setdefault(difference.kind, difference.subject)
    if kinds:
        notice = lake_differs(kinds, first, ADVICE, raw_bucket=STORES.raw_bucket)
        put_event(EVENTS, EVENT_BUS, notice)
        alert(SNS, ALERTS_TOPIC_ARN, notice)
    logger.info("lake verified", differences=dict(kinds))
    return {"differences": dict(kinds)}
