"""A function's failure has the name that AWS gives it."""

import json
from typing import Any

import pytest

from local import Deployment, LocalAWS


def invoke(aws: LocalAWS, function: str, event: dict[str, Any]) -> tuple[str | None, Any]:
    """The function error, if any, and the payload."""
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def test_a_raised_exception_keeps_its_class_name(aws: LocalAWS, stack: Deployment) -> None:
    error, payload = invoke(aws, stack.resources["BehaveFunction"], {"do": "raise"})
    assert error == "Unhandled"
    assert payload["errorType"] == "RowsLost"
    assert payload["errorMessage"] == "two rows are missing\nand a second line"
    assert "behave.py" in payload["stackTrace"][-1]


def test_an_environment_whose_handler_raised_stays_warm(aws: LocalAWS, stack: Deployment) -> None:
    _, before = invoke(aws, stack.resources["BehaveFunction"], {"do": "remaining"})
    invoke(aws, stack.resources["BehaveFunction"], {"do": "raise"})
    _, after = invoke(aws, stack.resources["BehaveFunction"], {"do": "remaining"})
    assert after["root"] == before["root"]
    assert after["request"] != before["request"]
    assert 1000 < after["milliseconds"] <= 2000


@pytest.mark.parametrize(
    ("event", "kind", "message"),
    [
        ({"do": "sleep", "seconds": 5}, "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ({"do": "exit"}, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
def test_a_timeout_and_an_exit_are_different_errors(
    aws: LocalAWS, stack: Deployment, event: dict[str, Any], kind: str, message: str
) -> None:
    _, payload = invoke(aws, stack.resources["BehaveFunction"], event)
    assert payload["errorType"] == kind
    assert message in payload["errorMessage"]


def test_a_module_that_cannot_be_imported_is_named(aws: LocalAWS, stack: Deployment) -> None:
    _, payload = invoke(aws, stack.resources["BrokenFunction"], {})
    assert payload["errorType"] == "Runtime.ImportModuleError"
    assert payload["errorMessage"] == ("Unable to import module 'handlers.broken': No module named 'no_such_module'")


def test_what_a_function_prints_is_in_its_log_group(aws: LocalAWS, stack: Deployment) -> None:
    name = stack.resources["BehaveFunction"]
    invoke(aws, name, {"do": "print", "line": "a line to find"})
    events = aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert "a line to find" in [event["message"] for event in events]
