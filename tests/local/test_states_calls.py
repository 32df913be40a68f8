"""A state machine's calls are its role's calls."""

import json

from local import Deployment, LocalAWS
from tests.local.state_machines import allow, make, output_of, run


def test_a_function_is_called_and_its_error_is_caught_by_name(aws: LocalAWS, stack: Deployment) -> None:
    machine = stack.outputs["MachineArn"]
    assert output_of(run(aws, machine, {"way": "invoke", "event": {"a": 1}})) == {"a": 1}
    caught = run(aws, machine, {"way": "invoke", "event": {"do": "raise"}})
    assert (caught["status"], caught["error"]) == ("FAILED", "Caught.RowsLost")
    timed_out = run(aws, machine, {"way": "invoke", "event": {"do": "sleep", "seconds": 9}})
    assert timed_out["error"] == "Caught.timeout"


def test_a_call_that_the_role_does_not_allow_is_denied(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    denied = run(aws, stack.outputs["MachineArn"], {"way": "forbidden", "bucket": bucket})
    assert denied["error"] == "S3.AccessDeniedException"
    assert "is not authorized to perform: s3:DeleteObject" in denied["cause"]


def test_a_function_that_the_role_may_not_invoke_is_not_invoked(aws: LocalAWS, stack: Deployment) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": stack.resources["BehaveFunction"], "Payload": {}},
        "End": True,
    }
    denied = run(aws, make(aws, {"StartAt": "Call", "States": {"Call": state}}), {})
    assert denied["error"] == "Lambda.AccessDeniedException"
    assert "lambda:InvokeFunction" in denied["cause"]


def test_sdk_calls_take_and_give_the_names_of_step_functions(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    arguments = {"Bucket": bucket, "Key": "job/sdk.json", "Body": {"a": [1]}}
    put = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Arguments": arguments}
    read = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": bucket, "Key": "job/sdk.json", "VersionId": "{% $version %}"},
        "Output": "{% $states.result.Body %}",
        "Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Never"}],
        "End": True,
    }
    definition = {
        "StartAt": "Put",
        "States": {
            "Put": put | {"Assign": {"version": "{% $states.result.VersionId %}"}, "Next": "Read"},
            "Read": read,
            "Never": {"Type": "Fail"},
        },
    }
    machine = make(aws, definition, statements=[allow("s3:*"), allow("kms:*")])
    assert json.loads(output_of(run(aws, machine, {}))) == {"a": [1]}


def test_a_missing_object_has_the_name_of_the_sdk_exception(aws: LocalAWS, bucket: str) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": bucket, "Key": "job/nothing"},
        "End": True,
    }
    machine = make(aws, {"StartAt": "Get", "States": {"Get": state}}, statements=[allow("s3:*")])
    assert run(aws, machine, {})["error"] == "S3.NoSuchKeyException"
