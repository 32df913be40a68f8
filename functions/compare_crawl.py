"""CompareCrawl: notifies people of what a crawl found otherwise than the contracts say."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.contract import registry
from sluice.engines.accounting import declared_tables
from sluice.notify.messages import crawl_disagrees
from sluice.notify.send import alert, put_event
from sluice.publish.crawl import disagreements

RAW_BUCKET = os.environ["RAW_BUCKET"]
LAKE_BUCKET = os.environ["LAKE_BUCKET"]
DATABASE = os.environ["DATABASE"]
CRAWLER = os.environ["CRAWLER"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]

GLUE = clients.client("glue")
SNS = clients.client("sns")
EVENTS = clients.client("events")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Return {disagreements: how many}. event: {status, message} of the crawl."""
    declared = {name: declared_tables(contract) for name, contract in registry.contracts().items()}
    found = disagreements(GLUE, DATABASE, declared, location=f"s3://{LAKE_BUCKET}/", crawl=event)
    if found:
        notice = crawl_disagrees(crawler=CRAWLER, database=DATABASE, raw_bucket=RAW_BUCKET, disagreements=found)
        put_event(EVENTS, EVENT_BUS, notice)
        alert(SNS, ALERTS_TOPIC_ARN, notice)
    logger.info("crawl compared", status=event["status"], disagreements=found[:20])
    return {"disagreements": len(found)}
