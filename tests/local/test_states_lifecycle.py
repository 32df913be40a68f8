"""When an execution starts, and when it ends."""

import uuid

import pytest

from local import LocalAWS
from local.waiting import eventually
from tests.local.state_machines import make

WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 20, "End": True}}}
SHORT = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


def test_a_machine_that_takes_too_long_times_out(aws: LocalAWS) -> None:
    machine = make(aws, WAITING | {"TimeoutSeconds": 0.5})
    states = aws.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=arn)["status"] == "TIMED_OUT")
    last = states.get_execution_history(executionArn=arn, reverseOrder=True)["events"][0]
    assert last["type"] == "ExecutionTimedOut"


def test_the_same_name_and_input_is_the_same_execution_while_it_runs(aws: LocalAWS) -> None:
    machine, name = make(aws, WAITING), uuid.uuid4().hex
    states = aws.client("stepfunctions")
    first = states.start_execution(stateMachineArn=machine, name=name, input='{"a": 1}')
    second = states.start_execution(stateMachineArn=machine, name=name, input='{"a": 1}')
    assert (first["executionArn"], first["startDate"]) == (second["executionArn"], second["startDate"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name=name, input='{"a": 2}')


def test_the_name_of_an_ended_execution_is_taken(aws: LocalAWS) -> None:
    machine, name = make(aws, SHORT), uuid.uuid4().hex
    states = aws.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, name=name, input="{}")["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name=name, input="{}")
