"""Reads the state machine's executions: where a run is, and how long each of its states took."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.stack.connection import Stack


@dataclass
class Passage:
    """How often a run was in one state, from when, and for how long in all (seconds; of items side by side, summed)."""

    state: str
    times: int
    started: datetime
    seconds: float


_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def arn(stack: Stack, run_id: str) -> str:
    return f"{stack.machine.replace(':stateMachine:', ':execution:')}:{run_id}"


def execution(stack: Stack, run_id: str) -> dict[str, Any]:
    """Return the description of a run's execution, or {} when there is none (any more: AWS keeps them 90 days)."""
    states = stack.client("stepfunctions")
    try:
        described: dict[str, Any] = states.describe_execution(executionArn=arn(stack, run_id))
    except states.exceptions.ExecutionDoesNotExist:
        return {}
    return described


def state_of(stack: Stack, run_id: str) -> str:
    """Return the name of the state that the run is in, or nothing when it has none (yet, or any more)."""
    states = stack.client("stepfunctions")
    try:
        events = states.get_execution_history(
            executionArn=arn(stack, run_id), reverseOrder=True, maxResults=20, includeExecutionData=False
        )["events"]
    except states.exceptions.ExecutionDoesNotExist:
        return ""
    for event in events:
        if event["type"] in _ENDS:
            return ""
        if "stateEnteredEventDetails" in event:
            return str(event["stateEnteredEventDetails"]["name"])
    return ""


_WORKING = ("TaskStateEntered", "WaitStateEntered")
"""Kinds of states that take time; the others only choose."""


def passages(stack: Stack, run_id: str) -> list[Passage]:
    """Return the tasks and waits that a run went through, in the order in which it entered them."""
    found: dict[str, Passage] = {}
    entered: dict[str, list[datetime]] = {}
    for event in _events(stack, run_id):
        details = event.get("stateEnteredEventDetails")
        if details and event["type"] in _WORKING:
            passage = found.setdefault(details["name"], Passage(details["name"], 0, event["timestamp"], 0.0))
            passage.times += 1
            entered.setdefault(details["name"], []).append(event["timestamp"])
        details = event.get("stateExitedEventDetails")
        if details and entered.get(details["name"]):
            since = entered[details["name"]].pop(0)
            found[details["name"]].seconds += (event["timestamp"] - since).total_seconds()
    return list(found.values())


def _events(stack: Stack, run_id: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=arn(stack, run_id), includeExecutionData=False):
        yield from page["events"]
