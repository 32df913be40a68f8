"""Reads the input and the execution of a run: its sources, its current state, the seconds of each state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.stack import history
from cli.stack.connection import Stack
from sluice.aws.object_keys import run_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.ledger.runs import Run


@dataclass
class StateTime:
    """How often a run entered a state, when first, and its seconds in all (of parallel Map items: their sum)."""

    state: str
    times: int
    started: datetime
    seconds: float


REPLACING = "waiting to remove the replaced objects (ReplaceGraceSeconds)"
_MOST_ASKED = 5
"""Runs whose state is read at a time: each is a call of a rate-limited API."""
_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


def arn(stack: Stack, run_id: str) -> str:
    return f"{stack.machine.replace(':stateMachine:', ':execution:')}:{run_id}"


def run_input(stack: Stack, run_id: str) -> tuple[ObjectVersion, ...]:
    """Return the sources of a run's input; none after WorkDays, when it has expired."""
    s3 = stack.client("s3")
    try:
        return Run.from_dict(get_json(s3, stack.work, run_key(run_id))).sources
    except s3.exceptions.NoSuchKey:
        return ()


def execution(stack: Stack, run_id: str) -> dict[str, Any]:
    """Return the description of a run's execution, or {} when there is none (AWS keeps them for 90 days)."""
    states = stack.client("stepfunctions")
    try:
        described: dict[str, Any] = states.describe_execution(executionArn=arn(stack, run_id))
    except states.exceptions.ExecutionDoesNotExist:
        return {}
    return described


def replacing(stack: Stack, sources: Iterable[str]) -> set[str]:
    """Return those of the sources whose replaced objects a run is about to remove, of five runs at most.

    Until then a query of a Parquet table sees the old and the new rows. It is empty when nothing is left to remove.
    """
    heads = history.heads(stack, sources)
    runs = {uri: head["published_run"] for uri, head in heads.items() if head.get("replaced")}
    states = states_of(stack, runs.values())
    return {uri for uri, run in runs.items() if states.get(run)}


def states_of(stack: Stack, run_ids: Iterable[str]) -> dict[str, str]:
    """Return the current states of runs, as `state_of` does, of five runs at most."""
    return {run: state_of(stack, run) for run in sorted(set(run_ids))[:_MOST_ASKED]}


def state_of(stack: Stack, run_id: str) -> str:
    """Return the name of the state that the run is in, "" before its start and after its end."""
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
"""Events of states that take time; the others only route."""


def state_times(stack: Stack, run_id: str) -> list[StateTime]:
    """Return the Task and Wait states of a run, in the order in which it entered them."""
    found: dict[str, StateTime] = {}
    entered: dict[str, list[datetime]] = {}
    for event in _events(stack, run_id):
        details = event.get("stateEnteredEventDetails")
        if details and event["type"] in _WORKING:
            entry = found.setdefault(details["name"], StateTime(details["name"], 0, event["timestamp"], 0.0))
            entry.times += 1
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
