"""Validate: the contract is applied to every uploaded file, whole, before a run starts."""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice.aws import clients
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.errors import UnexpectedEvent
from sluice.ingest.upload_event import send_to_dead_letter_queue
from sluice.intake import Intake
from sluice.ledger.ledger import Ledger

DEAD_LETTERS_URL = os.environ["DEAD_LETTERS_URL"]
MAX_RECEIVES = int(os.environ["MAX_RECEIVES"])

INTAKE = Intake(
    s3=clients.client("s3"),
    sns=clients.client("sns"),
    events=clients.client("events"),
    stepfunctions=clients.client("stepfunctions"),
    ledger=Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"]),
    raw_bucket=os.environ["RAW_BUCKET"],
    work_bucket=os.environ["WORK_BUCKET"],
    state_machine_arn=os.environ["STATE_MACHINE_ARN"],
    alerts_topic_arn=os.environ["ALERTS_TOPIC_ARN"],
    event_bus=os.environ["EVENT_BUS"],
)

# One bad event must not fail the others of its batch, even when it is the only one.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Validate every upload of an SQS batch; what fails is returned for another delivery.

    What no delivery can repair, and what has failed for the last time, goes to the dead-letter queue with the reason.
    """
    answer = process_partial_response(event=event, record_handler=receive, processor=processor, context=context)
    records = {record["messageId"]: record for record in event["Records"]}
    again = []
    for failure, (_, error, _) in zip(answer["batchItemFailures"], processor.exceptions, strict=True):
        record = records[failure["itemIdentifier"]]
        logger.error("event failed", message_id=record["messageId"], error=type(error).__name__, cause=str(error))
        if isinstance(error, UnexpectedEvent) or int(record["attributes"]["ApproximateReceiveCount"]) >= MAX_RECEIVES:
            # So few events end like this that no cold start need make its client.
            send_to_dead_letter_queue(clients.client("sqs"), DEAD_LETTERS_URL, record["body"], error=error)
        else:
            again.append(failure)
    return {"batchItemFailures": again}


def receive(record: SQSRecord) -> None:
    INTAKE.receive(record.body)
