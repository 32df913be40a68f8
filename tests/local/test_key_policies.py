"""EventBridge needs the key of an encrypted queue, and sends no condition keys to it."""

import json
import uuid
from typing import Any

import pytest

from local import LocalAWS
from local.waiting import eventually

ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
ACTIONS = ["kms:GenerateDataKey", "kms:Decrypt"]


def events_may(actions: list[str], **condition: Any) -> dict[str, Any]:
    principal = {"Service": "events.amazonaws.com"}
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", **condition}


@pytest.mark.parametrize(
    ("statement", "delivered"),
    [
        (events_may(ACTIONS), True),
        (events_may(ACTIONS[:1]), False),
        (events_may(ACTIONS, Condition={"StringEquals": {"aws:SourceAccount": "000000000000"}}), False),
        (ROOT, False),
    ],
    ids=["admitted", "one action", "with a condition", "nobody but the account"],
)
def test_an_event_reaches_an_encrypted_queue_only_by_the_policy_of_its_key(
    aws: LocalAWS, statement: dict[str, Any], delivered: bool
) -> None:
    sqs, events, name = aws.client("sqs"), aws.client("events"), f"keys-{uuid.uuid4().hex[:8]}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ROOT, statement]})
    key = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    urls = {
        f"{name}-{kind}": sqs.create_queue(QueueName=f"{name}-{kind}", Attributes=attributes)["QueueUrl"]
        for kind, attributes in (("own", {"KmsMasterKeyId": key}), ("plain", {}))
    }
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    targets = [{"Id": queue, "Arn": f"arn:aws:sqs:us-east-1:000000000000:{queue}"} for queue in urls]
    events.put_targets(Rule=name, Targets=targets)
    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])

    def received(kind: str) -> bool:
        return bool(sqs.receive_message(QueueUrl=urls[f"{name}-{kind}"]).get("Messages"))

    assert eventually(lambda: received("plain"))
    assert received("own") == delivered
