"""Services need the key of an encrypted queue, topic or log group, each with the condition keys that it sends."""

import json
import uuid
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local import LocalAWS
from local.waiting import eventually
from tests.installation import subscribed_queue
from tests.local.state_machines import policy

ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"}
ACTIONS = ["kms:GenerateDataKey", "kms:Decrypt"]


def may(service: str, actions: list[str], **condition: Any) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", **condition}


def from_account(account: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:SourceAccount": account}}


def key_with(aws: LocalAWS, statement: dict[str, Any]) -> str:
    """The ARN of a new key whose policy has the statement."""
    return str(aws.client("kms").create_key(Policy=policy([ROOT, statement]))["KeyMetadata"]["Arn"])


def create(aws: LocalAWS, name: str, **resources: Any) -> None:
    """Create a stack. Raises WaiterError when that fails."""
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize(
    ("statement", "delivered"),
    [
        (may("events", ACTIONS), True),
        (may("events", ["kms:GenerateDataKey*", "kms:Decrypt"]), True),
        (may("events", ACTIONS[:1]), False),
        (may("events", ACTIONS, Condition=from_account("000000000000")), False),
        (ROOT, False),
    ],
    ids=["admitted", "admitted by a wildcard", "one action", "with a condition", "nobody but the account"],
)
def test_an_event_reaches_an_encrypted_queue_only_by_the_policy_of_its_key(
    aws: LocalAWS, statement: dict[str, Any], delivered: bool
) -> None:
    sqs, events, name = aws.client("sqs"), aws.client("events"), f"keys-{uuid.uuid4().hex[:8]}"
    key = key_with(aws, statement)
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


@pytest.mark.parametrize(
    ("statement", "delivered"),
    [
        (may("cloudwatch", ACTIONS, Condition=from_account("000000000000")), True),
        (may("cloudwatch", ACTIONS, Condition=from_account("111111111111")), False),
        (ROOT, False),
    ],
    ids=["admitted", "of another account", "nobody but the account"],
)
def test_an_alarm_reaches_an_encrypted_topic_only_by_the_policy_of_its_key(
    aws: LocalAWS, statement: dict[str, Any], delivered: bool
) -> None:
    name = f"alarm-{uuid.uuid4().hex[:8]}"
    keys = {"own": {"KmsMasterKeyId": key_with(aws, statement)}, "plain": {}}
    create(
        aws,
        name,
        **{
            kind: {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{name}-{kind}", **key}}
            for kind, key in keys.items()
        },
    )
    topics = {kind: f"arn:aws:sns:us-east-1:000000000000:{name}-{kind}" for kind in keys}
    urls = {kind: subscribed_queue(aws, f"{name}-{kind}", topic=topic)[0] for kind, topic in topics.items()}
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topics["own"], topics["plain"]],
    )
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 1}])

    def received(kind: str) -> bool:
        return bool(aws.client("sqs").receive_message(QueueUrl=urls[kind]).get("Messages"))

    assert eventually(lambda: received("plain"))
    assert received("own") == delivered


@pytest.mark.parametrize(("group", "made"), [("mine/app", True), ("others/app", False)])
def test_a_log_group_is_encrypted_only_by_the_policy_of_its_key(aws: LocalAWS, group: str, made: bool) -> None:
    stack = f"logs-{uuid.uuid4().hex[:8]}"
    condition = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:000000000000:*:mine/*"}}
    actions = ["kms:Encrypt", "kms:ReEncrypt*", *ACTIONS]
    key = key_with(aws, may("logs.us-east-1", actions, Condition=condition))
    properties = {"LogGroupName": group, "KmsKeyId": key}
    with nullcontext() if made else pytest.raises(WaiterError):
        create(aws, stack, group={"Type": "AWS::Logs::LogGroup", "Properties": properties})
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [each["logGroupName"] for each in found] == ([group] if made else [])
