"""Lays an event that cannot be handled into the dead letter queue, with the reason: a queue itself knows none."""

from typing import Any


def bury(sqs: Any, queue_url: str, body: str, *, error: BaseException | None) -> None:
    """Send the event with the message attributes `error`, the error's name, and `cause`, its text."""
    reason = {"error": type(error).__name__, "cause": _plain(str(error)) or "no more is known"}
    sqs.send_message(
        QueueUrl=queue_url,
        # SQS takes no empty message; whoever sent one gets a blank back.
        MessageBody=body or " ",
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in reason.items()},
    )


def _plain(text: str) -> str:
    """SQS refuses most control characters, and attributes count towards the size of the message."""
    return "".join(char if char.isprintable() else " " for char in text)[:1000]
