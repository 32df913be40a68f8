"""Retries what has failed: versions that are FAILED in the ledger, and messages of the dead-letter queue."""

import json
import time
from collections import Counter
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.errors import ClaimRefused
from sluice.ingest.upload_event import event_of
from sluice.ledger.ledger import FAILED, RECEIVED, Ledger
from sluice.notify.messages import EVENT_SOURCE

_RECEIVE_SECONDS = 60
"""A message becomes visible again after so long when the redrive ends between sending and deleting it."""


def redrive(ledger: Ledger, sqs: Any, source: ObjectVersion, *, queue_url: str) -> int:
    """Validate a FAILED version again and give it a new run; return the number of the attempt.

    queue_url: of the upload queue. Validation runs again, since the contract may have been corrected. Repeating it is
    harmless: Validate skips a version that it has validated.
    Raises ClaimRefused for a version that has not failed.
    """
    entry = ledger.entry(source)
    if entry.get("status") not in (FAILED, RECEIVED):
        raise ClaimRefused(f"{source.uri} version {source.version_id} has not failed: {entry.get('status', 'unknown')}")
    attempt = ledger.reopen(source) if entry["status"] == FAILED else int(entry["attempt"])
    sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event_of(source)))
    return attempt


def redrive_dead_letters(
    sqs: Any,
    functions: Any,
    *,
    dead_letters_url: str,
    queue_url: str,
    recover_function: str,
    describe_function: str,
) -> Counter[str]:
    """Deliver every message of the dead-letter queue again, then delete it; return their counts by kind.

    uploads: upload events, and whatever else came through the upload queue. runs: ends of executions, for the
    functions Recover and Describe. notifications: Sluice's own events, for Describe.
    """
    consumers = {
        "aws.states": ("runs", [recover_function, describe_function]),
        EVENT_SOURCE: ("notifications", [describe_function]),
    }
    done: Counter[str] = Counter()
    started_at = time.time()
    while messages := _receive(sqs, dead_letters_url):
        for message in messages:
            if int(message["Attributes"]["SentTimestamp"]) / 1000 >= started_at:
                # Sent by this very redrive, and failed again.
                sqs.change_message_visibility(
                    QueueUrl=dead_letters_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
                return done
            event = _event(message["Body"])
            if event.get("source") in consumers:
                kind, functions_of_kind = consumers[event["source"]]
                for function in functions_of_kind:
                    functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
                done[kind] += 1
            else:
                sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event) if event else message["Body"])
                done["uploads"] += 1
            sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=message["ReceiptHandle"])
    return done


def _receive(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=_RECEIVE_SECONDS,
        WaitTimeSeconds=1,
        AttributeNames=["SentTimestamp"],
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def _event(body: str) -> dict[str, Any]:
    """Return the event in a message, {} when there is none; Lambda wraps the event that a function failed on."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    event = document.get("requestPayload", document)
    return event if isinstance(event, dict) else {}
