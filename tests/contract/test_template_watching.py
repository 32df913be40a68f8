"""Logs, alarms and the dashboard: alarms notify people of what the functions count, and every log expires."""

import json
import re

import pytest

from tests.contract import declared
from tests.contract.encryption import KEY_OR_NONE


def test_every_log_group_is_encrypted_and_forgets() -> None:
    groups = declared.resources("AWS::Logs::LogGroup")
    assert len(groups) == 4  # of the functions, of the machine, and the Glue job's two

    for name, group in groups.items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
        assert group["KmsKeyId"] == KEY_OR_NONE, name


def test_logs_of_runs_hold_no_data_and_runs_are_traced() -> None:
    machine = declared.resources("AWS::Serverless::StateMachine")["EtlStateMachine"]

    assert machine["Logging"]["IncludeExecutionData"] is False
    assert machine["Tracing"] == {"Enabled": True}


@pytest.mark.parametrize("name", declared.resources("AWS::CloudWatch::Alarm"))
def test_an_alarm_reaches_people(name: str) -> None:
    alarm = declared.resources("AWS::CloudWatch::Alarm")[name]

    assert {"Ref": "AlertsTopic"} in alarm["AlarmActions"]
    assert alarm["AlarmDescription"]
    assert alarm["TreatMissingData"]


def test_dead_letters_and_runs_that_did_not_succeed_raise_an_alarm() -> None:
    watched = {
        (alarm["Namespace"], alarm["MetricName"]) for alarm in declared.resources("AWS::CloudWatch::Alarm").values()
    }

    assert watched >= {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
        ("AWS/States", "ExecutionsAborted"),
    }


def test_what_the_alarms_watch_is_what_the_functions_count() -> None:
    counted = declared.counted()
    watched = {
        (alarm["MetricName"], json.dumps(alarm["Dimensions"]))
        for alarm in declared.resources("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "Sluice"
    }
    service = declared.template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]

    assert {name for name, _ in watched} == {"FilesAboveQuarantineLimit", "StaleDatasets", "UnseenObjects"} <= counted
    assert {dimensions for _, dimensions in watched} == {json.dumps([{"Name": "service", "Value": service}])}


def test_the_dashboard_shows_what_the_functions_count_and_every_alarm() -> None:
    (board,) = declared.resources("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(re.sub(r"\$\{(?!!)([^}]*)\}", r"\1", board["DashboardBody"]["Fn::Sub"]))["widgets"]
    metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    shown = {metric[1] for metric in metrics if metric[0] == "Sluice"}
    (query,) = (widget["properties"]["query"] for widget in widgets if widget["type"] == "log")
    alarms = next(widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")

    assert shown == declared.counted() - {"FilesAboveQuarantineLimit"}  # of which the alarm shows all there is
    assert set(re.findall(r"(\w+)\.0\b", query)) <= declared.counted()
    assert "by dataset" in query
    # One text cannot name what a parameter leaves out.
    always = {name for name, entry in declared.template()["Resources"].items() if "Condition" not in entry}
    assert set(alarms) == {f"{name}.Arn" for name in declared.resources("AWS::CloudWatch::Alarm") if name in always}


def test_a_stack_has_no_more_metrics_than_an_account_has_free() -> None:
    assert len(declared.counted()) <= 10


def test_the_watch_knows_how_often_it_is_called() -> None:
    rule = declared.events()["WatchFunctionWatchSchedule"]
    variables = declared.functions()["WatchFunction"]["Environment"]["Variables"]

    assert rule["Schedule"] == "rate(1 hour)"
    assert variables["WATCH_MINUTES"] == "60"
