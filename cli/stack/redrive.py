"""Tries again, on somebody's word, what has failed: versions that the ledger calls FAILED, and dead letters."""

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
"""A letter comes back so soon when the redrive dies between sending it again and deleting it."""


def redrive(ledger: Ledger, sqs: Any, source: ObjectVersion, *, queue_url: str) -> int:
    """Let a FAILED version go through the gate and a new run; return the number of the attempt.

    queue_url: of the queue of uploads. The gate judges anew, since the contract may be what was mended. Repeating
    it is harmless: a version that waits already is told of once more, and the gate knows what it has judged.
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
    """Deliver every dead letter again, then delete it; return how many there were of which kind.

    uploads: events of uploads, and whatever else the queue of uploads had held. runs: ends of executions, which
    the functions Recover and Describe are told of again. news: what Sluice told everyone, for Describe.
    """
    listeners = {
        "aws.states": ("runs", [recover_function, describe_function]),
        EVENT_SOURCE: ("news", [describe_function]),
    }
    done: Counter[str] = Counter()
    begun = time.time()
    while letters := _receive(sqs, dead_letters_url):
        for letter in letters:
            if int(letter["Attributes"]["SentTimestamp"]) / 1000 >= begun:
                # Sent again by this very redrive, and failed again: for another day.
                sqs.change_message_visibility(
                    QueueUrl=dead_letters_url, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
                )
                return done
            event = _event(letter["Body"])
            if event.get("source") in listeners:
                kind, told = listeners[event["source"]]
                for function in told:
                    functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
                done[kind] += 1
            else:
                sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(event) if event else letter["Body"])
                done["uploads"] += 1
            sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=letter["ReceiptHandle"])
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
    """Return the event in a letter, {} when there is none; Lambda wraps what a function failed on."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    event = document.get("requestPayload", document)
    return event if isinstance(event, dict) else {}
