"""Alarms are evaluated again and again, over their own metric and periods, and notify their topic."""

import json
from typing import Any

import pytest

from local import Deployment, LocalAWS
from local.emulator.cloudwatch.alarms import state_of
from local.waiting import eventually
from tests.installation import subscribed_queue

NOW = 1_000_000.0
ALARM: dict[str, Any] = {
    "Period": 60,
    "EvaluationPeriods": 3,
    "Statistic": "Maximum",
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanThreshold",
    "StateValue": "OK",
}


def state(*ages_and_values: tuple[float, float], **changes: Any) -> str:
    points = [{"Timestamp": NOW - age, "Value": value} for age, value in ages_and_values]
    return state_of(ALARM | changes, points, NOW)[0]


def test_as_many_periods_must_breach_as_the_alarm_says() -> None:
    two = [(10, 9), (20, 1), (70, 9), (130, 5)]
    assert state(*two) == "OK"
    assert state(*two, DatapointsToAlarm=2) == "ALARM"
    assert state(*two, DatapointsToAlarm=2, Statistic="Average", Threshold=6) == "OK"
    assert state((10, 9), (70, 9), (190, 9), DatapointsToAlarm=3) == "OK"
    assert state((10, 0), (70, 0), (130, 0.5), ComparisonOperator="LessThanThreshold", Threshold=1) == "ALARM"


@pytest.mark.parametrize(
    ("treated", "without", "with_one"),
    [
        ("missing", "INSUFFICIENT_DATA", "OK"),
        ("ignore", "OK", "OK"),
        ("notBreaching", "OK", "OK"),
        ("breaching", "ALARM", "ALARM"),
    ],
)
def test_missing_data_are_what_the_alarm_says(treated: str, without: str, with_one: str) -> None:
    assert state(TreatMissingData=treated) == without
    assert state((10, 9), TreatMissingData=treated) == with_one


def test_the_depth_of_a_queue_raises_an_alarm_that_ends_with_it(aws: LocalAWS, stack: Deployment) -> None:
    """`stack` only so that no other test of the session starts meanwhile with half of it."""
    sqs, sns, cloudwatch = aws.client("sqs"), aws.client("sns"), aws.client("cloudwatch")
    watched, other = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("deep", "other"))
    topic = sns.create_topic(Name="depths")["TopicArn"]
    ears, _ = subscribed_queue(aws, "alarm-ears", topic=topic)
    cloudwatch.put_metric_alarm(
        AlarmName="deep",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "deep"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )

    def notified() -> list[str]:
        messages = sqs.receive_message(QueueUrl=ears, WaitTimeSeconds=1).get("Messages", [])
        bodies = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
        return [f"{body['AlarmName']} {body['NewStateValue']}" for body in bodies]

    assert eventually(notified, seconds=30) == ["deep OK"]  # a new alarm notifies as well
    sqs.send_message(QueueUrl=other, MessageBody="of another queue")
    sqs.send_message(QueueUrl=watched, MessageBody="a letter")
    assert eventually(notified, seconds=30) == ["deep ALARM"]
    sqs.purge_queue(QueueUrl=watched)
    assert eventually(notified, seconds=30) == ["deep OK"]
