"""A queue's messages reach only a function whose role may receive them."""

import json
import time

from local import Deployment, LocalAWS
from local.waiting import eventually

MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"


def test_a_function_without_permissions_gets_no_messages(aws: LocalAWS, stack: Deployment) -> None:
    iam, role = aws.client("iam"), stack.resources["QueueFunctionRole"]
    table = aws.session().resource("dynamodb").Table(stack.resources["Table"])
    iam.detach_role_policy(RoleName=role, PolicyArn=MANAGED)
    try:
        body = json.dumps({"id": "not-allowed"})
        aws.client("sqs").send_message(QueueUrl=stack.resources["Queue"], MessageBody=body)
        time.sleep(1.5)
        assert "Item" not in table.get_item(Key={"id": "not-allowed"})
    finally:
        iam.attach_role_policy(RoleName=role, PolicyArn=MANAGED)
    eventually(lambda: "Item" in table.get_item(Key={"id": "not-allowed"}))
