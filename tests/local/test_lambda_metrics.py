"""What a function prints in the embedded metric format is a metric."""

import datetime as dt
import json
import time

from local import Deployment, LocalAWS
from local.waiting import eventually


def test_a_printed_metric_is_counted_and_raises_its_alarm(aws: LocalAWS, stack: Deployment) -> None:
    directive = {
        "Namespace": "Sluice",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "RowsLost", "Unit": "Count"}, {"Name": "Seconds", "Unit": "Seconds"}],
    }
    document = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "service": "tests",
        "RowsLost": [2.0, 1.0],
        "Seconds": 0.5,
    }
    event = {"do": "print", "line": json.dumps(document)}
    aws.client("lambda").invoke(FunctionName=stack.resources["BehaveFunction"], Payload=json.dumps(event))
    cloudwatch = aws.client("cloudwatch")
    now = dt.datetime.now(dt.UTC)
    statistics = cloudwatch.get_metric_statistics(
        Namespace="Sluice",
        MetricName="RowsLost",
        Dimensions=[{"Name": "service", "Value": "tests"}],
        StartTime=now - dt.timedelta(minutes=5),
        EndTime=now + dt.timedelta(minutes=1),
        Period=600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    assert [(point["Sum"], point["SampleCount"]) for point in statistics] == [(3.0, 2.0)]
    names = {metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="Sluice")["Metrics"]}
    assert names == {"RowsLost", "Seconds"}
    alarm = stack.resources["Alarm"]
    eventually(lambda: cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "ALARM")
