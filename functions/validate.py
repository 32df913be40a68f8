"""Validate: the contract is applied to every uploaded file, whole, before a run starts.

The writes are ordered so that an event that is delivered again heals a crash between any two of them, and
changes nothing when all were done.
"""

import os
import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sluice import catalog, clients, gate, runs, tags, uploads, waiting
from sluice.dead_letters import bury
from sluice.errors import ObjectGone, UnexpectedEvent, UnknownKey
from sluice.layout import report_key, run_key
from sluice.ledger import RECEIVED, Ledger
from sluice.notices import file_rejected
from sluice.objects import ObjectVersion
from sluice.storage import S3Source, put_json
from sluice.telemetry import LambdaContext, count, count_for_alarms, logger, tracer
from sluice.telling import alert, put_event
from sluice.verdict import TOO_MANY, Verdict

RAW_BUCKET = os.environ["RAW_BUCKET"]
WORK_BUCKET = os.environ["WORK_BUCKET"]
STATE_MACHINE_ARN = os.environ["STATE_MACHINE_ARN"]
ALERTS_TOPIC_ARN = os.environ["ALERTS_TOPIC_ARN"]
EVENT_BUS = os.environ["EVENT_BUS"]
DEAD_LETTERS_URL = os.environ["DEAD_LETTERS_URL"]
MAX_RECEIVES = int(os.environ["MAX_RECEIVES"])

S3 = clients.client("s3")
SNS = clients.client("sns")
EVENTS = clients.client("events")
STEPFUNCTIONS = clients.client("stepfunctions")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])

# One bad event must not fail the others of its batch, even when it is the only one.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Validate every upload of an SQS batch; what fails is returned for another delivery.

    What no delivery will mend, and what has failed for the last time, is laid into the dead letter queue with
    the reason.
    """
    answer = process_partial_response(event=event, record_handler=receive, processor=processor, context=context)
    records = {record["messageId"]: record for record in event["Records"]}
    again = []
    for failure, (_, error, _) in zip(answer["batchItemFailures"], processor.exceptions, strict=True):
        record = records[failure["itemIdentifier"]]
        logger.error("event failed", message_id=record["messageId"], error=type(error).__name__, cause=str(error))
        if isinstance(error, UnexpectedEvent) or int(record["attributes"]["ApproximateReceiveCount"]) >= MAX_RECEIVES:
            # So few events end like this that no cold start need make its client.
            bury(clients.client("sqs"), DEAD_LETTERS_URL, record["body"], error=error)
        else:
            again.append(failure)
    return {"batchItemFailures": again}


def receive(record: SQSRecord) -> None:
    source = uploads.parse(record.body, bucket=RAW_BUCKET)
    logger.append_keys(source_id=source.id, key=source.key)
    if source.key.endswith("/") and source.size == 0:
        logger.info("folder marker ignored")
        return
    status = LEDGER.receive(source)
    if status != RECEIVED:
        logger.info("event known", status=status)
        return
    verdict = judge(source)
    put_json(S3, WORK_BUCKET, report_key(source), {**verdict.to_dict(), "source": source.to_dict()})
    count(verdict.dataset, FilesAccepted=int(verdict.accepted), FilesRejected=int(not verdict.accepted))
    if TOO_MANY in verdict.reasons:
        count_for_alarms(FilesAboveQuarantineLimit=1)
    logger.info("file judged", verdict=verdict.verdict, rows=verdict.rows, reasons=verdict.reasons)
    if verdict.accepted:
        accept(source, verdict)
    else:
        reject(source, verdict)


def judge(source: ObjectVersion) -> Verdict:
    """Return the gate's verdict; also on a file of no dataset, or one that is gone."""
    file = S3Source(S3, source.bucket, source.key, source.version_id)
    dataset, version = "unknown", 0
    try:
        dataset = catalog.match(source.key).dataset
        contract = catalog.load(dataset)
        version = contract.version
        return gate.check(contract, file, source.key)
    except UnknownKey as error:
        reason, problem = "key_follows_a_naming_rule", str(error)
    except ObjectGone as error:
        reason, problem = "object_version_exists", str(error)
    return Verdict("rejected", dataset, version, reasons={reason: 1}, problems=[problem])


def accept(source: ObjectVersion, verdict: Verdict) -> None:
    """Start the source's run, unless a newer version of the key was accepted before, or it waits for others."""
    found = labels(source)
    origin = {"origin": found[waiting.ORIGIN]} if waiting.ORIGIN in found else {}
    attempt = int(LEDGER.entry(source)["attempt"])
    # Whoever made it wait has started its first attempt; another one was asked for, and waits for nobody.
    if attempt == 1 and waiting.waits(found, source, now=time.time()):
        mark(source, verdict, found)
        LEDGER.accept(source, **origin, **facts(source, verdict))
        logger.info("file waits to be run with others")
        return
    run = runs.Run.of(verdict.dataset, [source], attempt=attempt)
    mark(source, verdict, found, run_id=run.run_id)
    put_json(S3, WORK_BUCKET, run_key(run.run_id), run.to_dict())
    if not LEDGER.accept(source, run_id=run.run_id, **origin, **facts(source, verdict)):
        logger.info("file superseded")
        return
    started = runs.start(STEPFUNCTIONS, STATE_MACHINE_ARN, run)
    logger.info("run started", run_id=run.run_id, first_time=started)


def reject(source: ObjectVersion, verdict: Verdict) -> None:
    """Tell that the file is rejected, then record it: told twice is better than not at all."""
    mark(source, verdict)
    notice = file_rejected(source, verdict.to_dict(), work_bucket=WORK_BUCKET)
    put_event(EVENTS, EVENT_BUS, notice)
    alert(SNS, ALERTS_TOPIC_ARN, notice)
    LEDGER.reject(source, problems=verdict.problems, **facts(source, verdict))


def labels(source: ObjectVersion) -> dict[str, str]:
    try:
        return tags.read(S3, source)
    except ObjectGone:
        return {}


def mark(source: ObjectVersion, verdict: Verdict, found: dict[str, str] | None = None, **more: str) -> None:
    values = {
        "verdict": verdict.verdict,
        "dataset": verdict.dataset,
        "contract_version": verdict.contract_version,
        "rows": verdict.rows,
        "processed": datetime.now(UTC).date(),
        **more,
    }
    try:
        tags.tag(S3, source, found or None, **values)
    except ObjectGone:
        logger.info("object version gone, not tagged")


def facts(source: ObjectVersion, verdict: Verdict) -> dict[str, Any]:
    return {
        "dataset": verdict.dataset,
        "contract_version": verdict.contract_version,
        "rows": verdict.rows,
        "would_quarantine": verdict.would_quarantine,
        "reasons": verdict.reasons,
        "bytes_text": int(verdict.facts.get("bytes_text", source.size)),
    }
