"""A state machine calls services under its role, over HTTP; MiniStack calls them inside itself without any identity.

So the role's policies are enforced, and these calls are recorded and can be made to fail like all others.
"""

import json
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape
from ministack.services import stepfunctions as states

from local.emulator.iam import roles

# Names of the optimised integrations in error names, where the SDK's differ ("DynamoDb").
OPTIMISED_NAMES = {
    "athena": "Athena",
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "glue": "Glue",
    "lambda": "Lambda",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "StepFunctions",
}
BOTO_NAMES = {"sfn": "stepfunctions", "states": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
EXECUTION_HEADER = "x-sluice-execution"
SUFFIX = re.compile(r"\.(sync(:2)?|waitForTaskToken)$")

execution_of: ContextVar[dict[str, Any]] = ContextVar("execution")


def machine() -> dict[str, Any]:
    """The state machine of the execution that this thread works for."""
    found: dict[str, Any] = states._state_machines[execution_of.get()["stateMachineArn"]]
    return found


def client(service: str) -> Any:
    """A client of `service` under the machine's role. Raises the error that Step Functions reports."""
    try:
        credentials = roles.credentials(machine()["roleArn"], service="states.amazonaws.com", session=machine()["name"])
    except roles.RoleUnusable as error:
        raise states._ExecutionError("States.Permissions", str(error)) from error
    boto = roles.client(BOTO_NAMES.get(service, service), credentials)
    boto.meta.events.register("before-call", name_execution, unique_id=EXECUTION_HEADER)
    return boto


def name_execution(params: dict[str, Any], **_: Any) -> None:
    """Name the execution in a header of the call, so that a fault can end this very execution."""
    # A query that the machine started runs in a thread of its own, with the same client.
    if execution := execution_of.get(None):
        params["headers"][EXECUTION_HEADER] = execution["executionArn"]


def invoke_function(arguments: dict[str, Any]) -> dict[str, Any]:
    """lambda:invoke, whose failure carries the function's own error name and payload."""
    payload = json.dumps(arguments.get("Payload", {})).encode()
    given = {key: value for key, value in arguments.items() if key != "Payload"}
    answer = call("lambda", "invoke", given | {"Payload": payload}, sdk=False)
    result = json.loads(answer["Payload"] or "null")
    if answer.get("FunctionError"):
        raise states._ExecutionError(result.get("errorType") or "Lambda.Unknown", json.dumps(result))
    return {"ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"), "Payload": result, "StatusCode": 200}


def call(service: str, action: str, arguments: dict[str, Any], *, sdk: bool) -> dict[str, Any]:
    """The answer to one call of a service, in the names of Step Functions."""
    boto = client(service)
    operation_name = action[0].upper() + action[1:]
    operation = boto.meta.service_model.operation_model(operation_name)
    given = to_boto(arguments, operation.input_shape)
    try:
        answer = getattr(boto, xform_name(operation_name))(**given)
    except ClientError as error:
        name = error_name(service, error, boto.meta.service_model, sdk=sdk)
        raise states._ExecutionError(name, error.response["Error"].get("Message", "")) from error
    except BotoCoreError as error:  # no answer at all, or arguments that the API does not know
        raise states._ExecutionError(f"{prefix(service, sdk=sdk)}.SdkClientException", str(error)) from error
    answer.pop("ResponseMetadata", None)
    named: dict[str, Any] = from_boto(answer, operation.output_shape)
    return named


def prefix(service: str, *, sdk: bool) -> str:
    """The name of a service in error names."""
    known = states._AWS_SDK_ERROR_PREFIX if sdk else OPTIMISED_NAMES
    return str(known.get(service, service.capitalize()))


def error_name(service: str, error: ClientError, model: Any, *, sdk: bool) -> str:
    """How Step Functions names a service's error: an error that the API does not declare gets a general name."""
    code = str(error.response["Error"]["Code"])
    known = prefix(service, sdk=sdk)
    if service == "lambda" and error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return "Lambda.ServiceException"
    declared = {shape.name for shape in model.error_shapes} | {
        shape.metadata.get("error", {}).get("code") for shape in model.error_shapes
    }
    if sdk and code not in declared:
        return f"{known}.{known}Exception"
    return f"{known}.{code}" if code.endswith("Exception") else f"{known}.{code}Exception"


def to_boto(value: Any, shape: Shape | None) -> Any:
    """Arguments in botocore's member names, which differ from Step Functions' in their case only."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {name.lower(): name for name in shape.members}
        named = {members.get(key.lower(), key): inner for key, inner in value.items()}
        return {key: to_boto(inner, shape.members.get(str(key))) for key, inner in named.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_boto(inner, shape.member) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: to_boto(inner, shape.value) for key, inner in value.items()}
    kind = shape.type_name if shape is not None else None
    if (kind == "string" and isinstance(value, dict | list)) or (kind == "blob" and not isinstance(value, bytes)):
        return json.dumps(value)  # a message, a detail, a body: Step Functions gives JSON where the API takes text
    return value


def from_boto(value: Any, shape: Shape | None) -> Any:
    """An answer as plain JSON, its member names capitalised as Step Functions gives them."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {key[0].upper() + key[1:]: from_boto(inner, shape.members.get(key)) for key, inner in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_boto(inner, shape.member) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: from_boto(inner, shape.value) for key, inner in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "read"):
        return value.read().decode()
    return value


def patch() -> None:
    run, invoke = states._run_execution, states._invoke_resource

    def run_known(execution_arn: str) -> None:
        execution_of.set(states._executions[execution_arn])
        run(execution_arn)

    def invoke_over_http(resource: str, arguments: Any) -> Any:
        parts = SUFFIX.sub("", resource).split(":")
        if parts[2] == "lambda":
            return invoke_function({"FunctionName": resource, "Payload": arguments})["Payload"]
        if parts[:3] != ["arn", "aws", "states"] or parts[5] in ("states", "activity", "ecs"):
            return invoke(resource, arguments)
        if parts[5] == "aws-sdk":
            return call(parts[6], parts[7], arguments, sdk=True)
        if parts[5:7] == ["lambda", "invoke"]:
            return invoke_function(arguments)
        return call(parts[5], parts[6], arguments, sdk=False)

    states._run_execution = run_known
    states._invoke_resource = invoke_over_http
