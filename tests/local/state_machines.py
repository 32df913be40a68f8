"""Makes and runs state machines in the local AWS."""

import json
import uuid
from typing import Any

from local import LocalAWS
from local.waiting import eventually

State = dict[str, Any]


def run(aws: LocalAWS, machine: str, given: Any, *, seconds: float = 30) -> dict[str, Any]:
    """The description of a new execution of `machine` when it has ended."""
    states = aws.client("stepfunctions")
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(given))

    def ended() -> dict[str, Any] | None:
        execution = dict(states.describe_execution(executionArn=started["executionArn"]))
        return execution if execution["status"] != "RUNNING" else None

    return eventually(ended, seconds=seconds)


def output_of(execution: dict[str, Any]) -> Any:
    """What a succeeded execution answered."""
    assert execution["status"] == "SUCCEEDED", execution
    return json.loads(execution["output"])


def make(aws: LocalAWS, definition: dict[str, Any], *, statements: list[State] | None = None, **extra: Any) -> str:
    """The ARN of a new JSONata machine whose role may do what `statements` say."""
    name = f"machine-{uuid.uuid4().hex[:8]}"
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([trust]))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy(statements))
    made = aws.client("stepfunctions").create_state_machine(
        name=name, roleArn=role, definition=json.dumps({"QueryLanguage": "JSONata"} | definition), **extra
    )
    return str(made["stateMachineArn"])


def policy(statements: list[State]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str, resource: str = "*") -> State:
    return {"Effect": "Allow", "Action": action, "Resource": resource}
