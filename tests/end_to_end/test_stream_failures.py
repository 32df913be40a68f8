"""A failure on the way of a record raises an alarm, loses nothing, and nothing counts twice after the repair."""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.stack.connection import deployed
from demo.posts import expected, make
from demo.stream import STACK, Stream
from local import LocalAWS, deploy
from local.waiting import eventually
from tests.installation import subscribed_queue

ROOT = Path(__file__).parents[2]


class Ears:
    """What the topic of the alarms says from now on."""

    def __init__(self, aws: LocalAWS, topic: str) -> None:
        self._sqs = aws.client("sqs")
        self._url, _ = subscribed_queue(aws, "stream-ears", topic=topic)
        self._heard: list[str] = []

    def hear(self, *parts: str) -> str:
        """The first message, not heard before, that holds all parts."""

        def look() -> str | None:
            for message in self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
                self._heard.append(json.loads(message["Body"])["Message"])
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            return next((text for text in self._heard if all(part in text for part in parts)), None)

        found = eventually(look, seconds=120)
        self._heard.remove(found)
        return found


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAWS]:
    """One of its own: other tests account for every record that was sent."""
    with LocalAWS(wait_scale=0.02) as running:
        yield running


@pytest.fixture(scope="module")
def stream(aws: LocalAWS) -> Stream:
    deploy(aws, ROOT / "template.yaml", stack=STACK, parameters={"Streaming": "yes"})
    return Stream(deployed(aws.session(), STACK))


@pytest.fixture(scope="module")
def ears(aws: LocalAWS, stream: Stream) -> Ears:
    return Ears(aws, stream.stack.output("AlertsTopicArn"))


@pytest.fixture
def denied(aws: LocalAWS) -> Any:
    """Takes an action from a role for the length of a block."""
    resources = aws.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    roles = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    iam = aws.client("iam")

    @contextlib.contextmanager
    def deny(role: str, action: str) -> Iterator[None]:
        statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=roles[role], PolicyName="Broken", PolicyDocument=document)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=roles[role], PolicyName="Broken")

    return deny


def raised(ears: Ears, alarm: str, state: str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(ears.hear(f"-{alarm}", f'"NewStateValue": "{state}"'))
    return message


def undelivered(stream: Stream) -> list[bytes]:
    """The records that Firehose keeps because it could not deliver them."""
    s3, bucket = stream.stack.client("s3"), stream.stack.output("RawBucketName")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="undelivered/").get("Contents", [])]
    lines = [line for key in keys for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    return [base64.b64decode(json.loads(line)["rawData"]) for line in lines]


def test_what_firehose_cannot_write_waits_and_an_alarm_says_so(stream: Stream, ears: Ears, denied: Any) -> None:
    posts = make(60, seed=21)
    with denied("DeliveryRole", "s3:PutObject"):
        stream.send(posts)
        alarm = raised(ears, "UndeliveredRecordsAlarm", "ALARM")
        assert (alarm["Trigger"]["Namespace"], alarm["Trigger"]["MetricName"]) == (
            "AWS/Firehose",
            "DeliveryToS3.Success",
        )
    account = stream.settle()
    assert account["rows"] == account["published"] + account["quarantined"] + account["discarded"] == stream.sent
    assert account["quarantined"] == stream.sent - expected(posts).valid
    raised(ears, "UndeliveredRecordsAlarm", "OK")


def test_failing_windows_raise_an_alarm_and_count_each_record_once_when_they_work(
    stream: Stream, ears: Ears, denied: Any
) -> None:
    posts, before = make(60, seed=22), stream.tables()[1]
    with denied("WindowRole", "dynamodb:*"):
        stream.send(posts[:40])
        assert raised(ears, "FailingWindowsAlarm", "ALARM")["Trigger"]["MetricName"] == "Errors"
        stream.send(posts[40:])
        assert raised(ears, "LateWindowsAlarm", "ALARM")["Trigger"]["MetricName"] == "IteratorAge"
    stream.settle()
    assert_counted(before, stream.tables()[1], expected(posts).minutes)
    raised(ears, "FailingWindowsAlarm", "OK")
    with denied("WindowRole", "s3:PutObject"):  # all are counted, and the window cannot be closed
        stream.send(posts + make(10, seed=23))
        raised(ears, "FailingWindowsAlarm", "ALARM")
    stream.settle()
    assert_counted(before, stream.tables()[1], expected(posts).minutes + expected(make(10, seed=23)).minutes)


def assert_counted(before: list[Any], after: list[Any], added: list[Any]) -> None:
    """That the minutes have grown by what an independent SQL says, and nothing else."""

    def totals(minutes: list[Any]) -> tuple[int, Any]:
        return sum(posts for _, _, posts, _ in minutes), sum(total for _, _, _, total in minutes)

    assert totals(after) == tuple(old + new for old, new in zip(totals(before), totals(added), strict=True))


def test_a_record_of_no_dataset_is_kept_and_raises_an_alarm(stream: Stream, ears: Ears) -> None:
    lost = b'{"post_id": "nobody knows where this belongs"}'
    stream.stack.client("kinesis").put_record(
        StreamName=stream.stack.output("RecordStreamName"), PartitionKey="No/dataset", Data=lost
    )
    eventually(lambda: lost in undelivered(stream), seconds=60)
    ears.hear("undelivered/")


def test_records_wait_when_the_function_that_routes_them_fails(stream: Stream, ears: Ears, denied: Any) -> None:
    posts = make(5, seed=24)
    kinesis, name = stream.stack.client("kinesis"), stream.stack.output("RecordStreamName")
    with denied("DeliveryRole", "lambda:InvokeFunction"):
        entries = [{"Data": post, "PartitionKey": f"sentiment/{number}"} for number, post in enumerate(posts)]
        kinesis.put_records(StreamName=name, Records=entries)
        alarm = raised(ears, "UnroutedRecordsAlarm", "ALARM")
        assert alarm["Trigger"]["MetricName"] == "ExecuteProcessing.Success"
    eventually(lambda: set(posts) <= set(undelivered(stream)), seconds=60)
