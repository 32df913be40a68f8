"""A queue that drives a function: batches, partial failures, and the dead-letter queue at the end."""

import json
from typing import Any

from local import Deployment, LocalAWS
from local.waiting import eventually


def send(aws: LocalAWS, stack: Deployment, *bodies: dict[str, Any]) -> None:
    entries = [{"Id": str(i), "MessageBody": json.dumps(body)} for i, body in enumerate(bodies)]
    aws.client("sqs").send_message_batch(QueueUrl=stack.resources["Queue"], Entries=entries)


def seen(aws: LocalAWS, stack: Deployment, name: str) -> dict[str, Any] | None:
    table = aws.session().resource("dynamodb").Table(stack.resources["Table"])
    item: dict[str, Any] | None = table.get_item(Key={"id": name}).get("Item")
    return item


def dead(aws: LocalAWS, stack: Deployment, name: str) -> dict[str, Any] | None:
    """The dead letter whose body's id is `name`."""
    sqs = aws.client("sqs")
    received = sqs.receive_message(
        QueueUrl=stack.resources["DeadLetterQueue"],
        MaxNumberOfMessages=10,
        VisibilityTimeout=0,
        AttributeNames=["All"],
    )
    for message in received.get("Messages", []):
        if json.loads(message["Body"]).get("id") == name:
            return dict(message)
    return None


def test_the_good_messages_of_a_batch_are_done_and_the_bad_one_dies_alone(aws: LocalAWS, stack: Deployment) -> None:
    send(aws, stack, {"id": "good-1"}, {"id": "bad-item", "fail": "item"}, {"id": "good-2"})
    eventually(lambda: seen(aws, stack, "good-1") and seen(aws, stack, "good-2"))
    letter = eventually(lambda: dead(aws, stack, "bad-item"))
    assert int(letter["Attributes"]["ApproximateReceiveCount"]) >= 2
    assert seen(aws, stack, "bad-item") is None


def test_a_batch_that_raises_is_tried_again_and_then_dies(aws: LocalAWS, stack: Deployment) -> None:
    send(aws, stack, {"id": "bad-batch", "fail": "batch"})
    eventually(lambda: dead(aws, stack, "bad-batch"))


def test_a_failed_event_invocation_reaches_its_destination(aws: LocalAWS, stack: Deployment) -> None:
    aws.client("lambda").invoke(
        FunctionName=stack.resources["BehaveFunction"],
        InvocationType="Event",
        Payload=json.dumps({"do": "raise", "id": "async"}),
    )
    sqs = aws.client("sqs")

    def letter() -> dict[str, Any] | None:
        for message in sqs.receive_message(
            QueueUrl=stack.resources["DeadLetterQueue"], MaxNumberOfMessages=10, VisibilityTimeout=0
        ).get("Messages", []):
            body: dict[str, Any] = json.loads(message["Body"])
            if body.get("requestPayload", {}).get("id") == "async":
                return body
        return None

    body = eventually(letter)
    assert body["responsePayload"]["errorType"] == "RowsLost"
    assert body["requestContext"]["condition"] == "RetriesExhausted"
