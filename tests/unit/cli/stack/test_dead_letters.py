"""Sluice's own events in the dead-letter queue: Validate would refuse them for ever."""

import json
from typing import Any

from cli.stack.redrive import redrive_dead_letters
from tests.unit.cloud import Cloud


class Functions:
    def __init__(self) -> None:
        self.invoked: list[tuple[str, Any]] = []

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: str) -> None:  # noqa: N803
        self.invoked.append((FunctionName, json.loads(Payload)))


def test_an_event_of_sluice_goes_to_describe_and_not_to_the_upload_queue(cloud: Cloud):
    queue = cloud.sqs.create_queue(QueueName="uploads")["QueueUrl"]
    dead_letters = cloud.sqs.create_queue(QueueName="dead_letters")["QueueUrl"]
    notification = {"source": "sluice", "detail-type": "RunFailed", "detail": {"dataset": "sales"}}
    upload = {"source": "aws.s3", "detail-type": "Object Created", "detail": {}}
    for event in (notification, upload):
        cloud.sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps(event))
    functions = Functions()
    done = redrive_dead_letters(
        cloud.sqs,
        functions,
        dead_letters_url=dead_letters,
        queue_url=queue,
        recover_function="recover",
        describe_function="describe",
    )
    assert done == {"notifications": 1, "uploads": 1}
    assert functions.invoked == [("describe", notification)]
    (left,) = cloud.sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(left["Body"]) == upload
