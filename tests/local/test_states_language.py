"""The states language, as far as Sluice's machine speaks it."""

from typing import Any

from local import Deployment, LocalAWS
from tests.local.state_machines import allow, make, output_of, run

ITEM = {
    "StartAt": "Behave",
    "States": {
        "Behave": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "", "Payload": "{% $states.input %}"},
            "Output": {"name": "{% $states.input.name %}", "ok": True},
            "Catch": [
                {
                    "ErrorEquals": ["RowsLost"],
                    "Output": {
                        "name": "{% $states.input.name %}",
                        "error": "{% $states.errorOutput.Error %}",
                        "ok": False,
                    },
                    "Next": "Undo",
                }
            ],
            "Next": "Kept",
        },
        "Undo": {"Type": "Pass", "End": True},
        "Kept": {"Type": "Succeed", "Output": "{% $merge([$states.input, {'kept': true}]) %}"},
    },
}


def definition(stack: Deployment) -> dict[str, Any]:
    ITEM["States"]["Behave"]["Arguments"]["FunctionName"] = stack.resources["BehaveFunction"]  # type: ignore[index]
    each = {
        "Type": "Map",
        "Items": "{% $states.input.items %}",
        "MaxConcurrency": 2,
        "ItemSelector": "{% $merge([$states.context.Map.Item.Value, {'run': $states.context.Execution.Name}]) %}",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}} | ITEM,
        "Assign": {"failed": "{% [$states.result[ok = false].name] %}"},
        "Next": "Decide",
    }
    decide = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $count($failed) > 0 %}", "Next": "Caught"}],
        "Default": "Fine",
    }
    caught = {
        "Type": "Pass",
        "Output": {
            "failed": "{% $failed %}",
            "first": "{% $exists($failed[0]) ? $failed[0] : 'none' %}",
            "names": "{% [$map($states.input, function($item) { $item.name })] %}",
        },
        "End": True,
    }
    states = {"Each": each, "Decide": decide, "Caught": caught, "Fine": {"Type": "Succeed"}}
    return {"StartAt": "Each", "States": states}


def test_an_item_that_fails_does_not_stop_the_others(aws: LocalAWS, stack: Deployment) -> None:
    machine = make(aws, definition(stack), statements=[allow("lambda:InvokeFunction")])
    items = [{"name": "a"}, {"name": "b", "do": "raise"}, {"name": "c"}]
    execution = run(aws, machine, {"items": items})
    assert output_of(execution) == {"failed": ["b"], "first": "b", "names": ["a", "b", "c"]}
    events = aws.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"], maxResults=1000)[
        "events"
    ]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if event["type"].endswith("Entered")]
    assert (entered.count("Behave"), entered.count("Undo"), entered.count("Kept")) == (3, 1, 2)
    assert output_of(run(aws, machine, {"items": [{"name": "a"}]}))[0]["kept"] is True


def test_too_much_data_between_states_is_terminal(aws: LocalAWS, stack: Deployment) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": stack.resources["BehaveFunction"],
            "Payload": {"text": "{% $pad('', 300000, 'x') %}"},
        },
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    machine = make(
        aws,
        {"StartAt": "Large", "States": {"Large": task, "Caught": {"Type": "Succeed"}}},
        statements=[allow("lambda:InvokeFunction")],
    )
    assert run(aws, machine, {})["error"] == "States.DataLimitExceeded"


def test_retries_wait_no_longer_than_they_may(aws: LocalAWS, stack: Deployment) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": stack.resources["BehaveFunction"], "Payload": {"do": "raise"}},
        "Retry": [
            {
                "ErrorEquals": ["RowsLost"],
                "IntervalSeconds": 600,
                "MaxDelaySeconds": 1,
                "MaxAttempts": 2,
                "JitterStrategy": "FULL",
            }
        ],
        "End": True,
    }
    machine = make(aws, {"StartAt": "Try", "States": {"Try": task}}, statements=[allow("lambda:InvokeFunction")])
    execution = run(aws, machine, {}, seconds=10)
    events = aws.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"])["events"]
    assert sum(event["type"] == "TaskFailed" for event in events) == 3
