"""A state machine writes its history to its log groups; MiniStack's write no log.

As on AWS a machine with logging cannot be created when its role may not deliver logs.
"""

import json
from datetime import datetime
from typing import Any

from ministack.services import cloudwatch_logs as logs
from ministack.services import stepfunctions as states
from ministack.services.cloudformation import provisioners

from local.emulator.iam import roles

# What the role needs, by the Step Functions guide ("Logging using CloudWatch Logs").
DELIVERY = ("logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeLogGroups")
ERRORS = ("Failed", "TimedOut", "Aborted")
STREAM = "states/{name}/{execution}"

Machine = dict[str, Any]


def configuration(machine: Machine) -> tuple[str, bool, list[str]]:
    """Level, whether data is included, and the names of the log groups; templates and the API differ in case."""
    given = lowered(machine.get("loggingConfiguration") or {})
    arns = [
        entry["cloudwatchlogsloggroup"]["loggrouparn"]
        for entry in given.get("destinations") or []
        if "cloudwatchlogsloggroup" in entry
    ]
    groups = [arn.split(":log-group:", 1)[1].removesuffix(":*") for arn in arns]
    return given.get("level", "OFF"), str(given.get("includeexecutiondata")).lower() == "true", groups


def lowered(value: Any) -> Any:
    """The same document with all its names in small letters."""
    if isinstance(value, dict):
        return {key.lower(): lowered(inner) for key, inner in value.items()}
    return [lowered(inner) for inner in value] if isinstance(value, list) else value


def wanted(level: str, kind: str) -> bool:
    """Whether a level logs events of this type."""
    match level:
        case "ALL":
            return True
        case "ERROR":
            return kind.endswith(ERRORS)
        case "FATAL":
            return kind in {f"Execution{ending}" for ending in ERRORS}
    return False


def keep(execution: dict[str, Any], event: dict[str, Any]) -> None:
    """Write an event into the machine's log groups."""
    machine = states._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        return
    level, with_data, groups = configuration(machine)
    if not wanted(level, event["type"]):
        return
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    if not with_data:
        details = {key: value for key, value in details.items() if key not in ("input", "output")}
    moment = int(datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")).timestamp() * 1000)
    entry = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event["id"] - 1),
        "event_timestamp": str(moment),
        "execution_arn": execution["executionArn"],
        "redrive_count": "0",
    }
    stream = STREAM.format(name=machine["name"], execution=execution["name"])
    for group in groups:
        where = {"logGroupName": group, "logStreamName": stream}
        if stream not in logs._log_groups.get(group, {}).get("streams", {}):
            logs._create_log_stream(where)
        logs._put_log_events(where | {"logEvents": [{"timestamp": moment, "message": json.dumps(entry)}]})


def missing_delivery(machine: Machine) -> list[str]:
    """The permissions of log delivery that a machine with logging lacks."""
    if configuration(machine)[0] == "OFF":
        return []
    return [action for action in DELIVERY if not roles.allowed(machine["roleArn"], action)]


def patch() -> None:
    add, create, make = states._add_event, states._create_state_machine, provisioners._sfn_state_machine_create

    def add_and_keep(execution: dict[str, Any], kind: str, details: Any = None) -> Any:
        event = add(execution, kind, details)
        keep(execution, event)
        return event

    def create_if_it_may_log(data: dict[str, Any]) -> Any:
        if missing := missing_delivery(data):
            message = f"The state machine IAM Role is not authorized to access the Log Destination: {missing}"
            return states.error_response_json("AccessDeniedException", message, 400)
        return create(data)

    def make_if_it_may_log(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        machine = {"loggingConfiguration": properties.get("LoggingConfiguration"), "roleArn": properties["RoleArn"]}
        if missing := missing_delivery(machine):
            raise ValueError(f"The state machine IAM Role is not authorized to access the Log Destination: {missing}")
        return make(logical_id, properties, stack)

    states._add_event = add_and_keep
    states._create_state_machine = create_if_it_may_log
    provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]["create"] = make_if_it_may_log
