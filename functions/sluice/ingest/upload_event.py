"""Reads S3's "Object Created" events, as EventBridge puts them into the queue, and writes them."""

import json
from collections.abc import Mapping
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.errors import UnexpectedEvent
from sluice.runtime.text import printable


def uploaded(event: Mapping[str, Any], *, bucket: str) -> ObjectVersion:
    """Return the object version that an event reports.

    Raises UnexpectedEvent unless it is an upload into this very bucket, with a version: anyone who can reach
    the queue or the bus can make up an event, and only our bucket's objects may be read.
    """
    if (event.get("source"), event.get("detail-type")) != ("aws.s3", "Object Created"):
        raise UnexpectedEvent(f"not an upload: {event.get('source')!r}, {event.get('detail-type')!r}")
    detail = event["detail"]
    if detail["bucket"]["name"] != bucket:
        raise UnexpectedEvent(f"an upload into another bucket: {detail['bucket']['name']!r}")
    # The key is taken from the raw event: EventBridge does not URL-encode it, and Powertools' data class
    # would decode it all the same, which turns `a+b.csv` into `a b.csv`.
    stored = detail["object"]
    if not stored.get("version-id"):
        raise UnexpectedEvent(f"an object without a version: is {bucket} still versioned?")
    # Texts, and such as UTF-8 can hold: JSON also knows numbers, and halves of characters.
    "".join([stored["key"], stored["version-id"], stored["sequencer"]]).encode()
    return ObjectVersion(
        bucket=bucket,
        key=stored["key"],
        version_id=stored["version-id"],
        sequencer=stored["sequencer"],
        size=int(stored["size"]),
    )


def event_of(source: ObjectVersion) -> dict[str, Any]:
    """Return an event that `uploaded` reads as this version, to report it again."""
    stored = {
        "key": source.key,
        "size": source.size,
        "version-id": source.version_id,
        "sequencer": source.sequencer,
    }
    detail = {"bucket": {"name": source.bucket}, "object": stored}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def parse(body: str, *, bucket: str) -> ObjectVersion:
    """As `uploaded`, of an event as JSON text. Raises UnexpectedEvent, also for text that is no event."""
    try:
        return uploaded(json.loads(body), bucket=bucket)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedEvent(f"not an event of S3: {type(error).__name__} {error}") from error


def send_to_dead_letter_queue(sqs: Any, queue_url: str, body: str, *, error: BaseException | None) -> None:
    """Send the event with the message attributes `error`, the error's name, and `cause`, its text."""
    # SQS refuses most control characters, and attributes count towards the size of the message.
    reason = {"error": type(error).__name__, "cause": printable(str(error))[:1000] or "no more is known"}
    sqs.send_message(
        QueueUrl=queue_url,
        # SQS takes no empty message.
        MessageBody=body or " ",
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in reason.items()},
    )
