"""Retries what has failed: versions that are FAILED in the ledger, and messages of the dead-letter queue."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from cli.stack.connection import Stack
from cli.stack.history import Entry
from cli.stack.start_run import start_run
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import FAILED
from sluice.ledger.runs import Run
from sluice.notify.messages import EVENT_SOURCE

_RECEIVE_SECONDS = 60
"""A message becomes visible again after so long when the redrive ends between sending and deleting it."""


def redrive(stack: Stack, entries: Sequence[Entry]) -> Run:
    """Start a run of versions of one dataset that failed, as their next attempt; return it.

    A version that an interrupted redrive has reopened is not reopened again. Raises ClaimRefused when another redrive
    is reopening one.
    """
    sources = [ObjectVersion.from_item(entry) for entry in entries]
    attempts = [
        stack.ledger.reopen(source) if entry["status"] == FAILED else int(entry["attempt"])
        for source, entry in zip(sources, entries, strict=True)
    ]
    run = Run.of(str(entries[0]["dataset"]), sources, attempt=max(attempts))
    start_run(stack, run)
    return run


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
