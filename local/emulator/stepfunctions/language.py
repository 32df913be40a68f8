"""Parts of the states language that MiniStack leaves out: limits, terminal errors, Succeed's Output, a Map's history.

States.ALL catches neither States.DataLimitExceeded nor States.Runtime; data between states have at most 256 KiB; Retry
honours MaxDelaySeconds and JitterStrategy; the states inside a Map are in the history.
"""

import copy
import json
import random
from typing import Any

from ministack.services import stepfunctions as states

DATA_LIMIT = 256 * 1024  # bytes of UTF-8
TERMINAL = ("States.Runtime", "States.DataLimitExceeded")

Context = dict[str, Any]


def check_size(value: Any, what: str) -> None:
    """Raises States.DataLimitExceeded."""
    if len(json.dumps(value, ensure_ascii=False).encode()) > DATA_LIMIT:
        message = f"The state/task '{what}' returned a result with a size exceeding the maximum number of bytes"
        raise states._ExecutionError("States.DataLimitExceeded", message)


def delay(retrier: dict[str, Any], count: int) -> float:
    """Seconds before the next attempt, after `count` retries."""
    seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
    seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
    full = retrier.get("JitterStrategy") == "FULL"
    return float(random.uniform(0, seconds) if full else seconds)  # noqa: S311


def run_states(definitions: dict[str, Any], start: str, given: Any, execution: dict[str, Any], context: Context) -> Any:
    """Run the states of a branch or of a Map's item, each entered and left in the execution's history."""
    name: str | None = start
    value = copy.deepcopy(given)
    while name:
        if execution["status"] != "RUNNING":  # timed out or aborted: nothing more is started
            raise states._ExecutionError("States.Runtime", "the execution has ended")
        definition = definitions[name]
        kind = definition["Type"]
        context["State"] = {"Name": name, "EnteredTime": states.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(value)}
        states._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        if kind == "Fail":
            raise states._ExecutionError(*states._fail_state_error(definition, value, context))
        value, following = step(definition, kind, value, execution, context)
        left = {"name": name, "output": json.dumps(value)}
        states._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": left})
        name = following
    return value


def step(
    definition: dict[str, Any], kind: str, value: Any, execution: dict[str, Any], context: Context
) -> tuple[Any, str | None]:
    """One state's output, and the name of the next."""
    if kind == "Succeed":
        return succeed(definition, value, context), None
    execute = getattr(states, f"_execute_{kind.lower()}")
    arguments = (execution, context) if kind in ("Task", "Parallel", "Map") else (context,)
    output, following = execute(definition, value, *arguments)
    check_size(output, context["State"]["Name"])
    return output, following


def succeed(definition: dict[str, Any], value: Any, context: Context) -> Any:
    """The output of a Succeed state."""
    if states._state_query_language(definition, context) == "JSONata":
        return states._apply_jsonata_output(definition, value, context, default=value)
    return states._apply_output_path(definition, states._apply_input_path(definition, value, context), context)


def patch() -> None:
    matches, invoke = states._error_matches, states._invoke_resource
    find = states._find_matching_retrier
    output_path = states._apply_output_path

    def matches_unless_terminal(names: list[str], error: str) -> bool:
        if error in TERMINAL and error not in names:
            return False
        return bool(matches(names, error))

    def invoke_within_limit(resource: str, arguments: Any) -> Any:
        check_size(arguments, resource)
        result = invoke(resource, arguments)
        check_size(result, resource)
        return result

    def find_with_delay(retriers: Any, error: str, counts: dict[int, int]) -> Any:
        retrier, number = find(retriers, error, counts)
        if retrier is None:
            return retrier, number
        # The caller waits IntervalSeconds * BackoffRate ** count: give it the delay itself.
        return retrier | {"IntervalSeconds": delay(retrier, counts.get(number, 0)), "BackoffRate": 1.0}, number

    def output_of_any_language(definition: dict[str, Any], value: Any, context: Context | None = None) -> Any:
        if definition.get("Type") == "Succeed" and "Output" in definition:
            return states._apply_jsonata_output(definition, value, context, default=value)
        return output_path(definition, value, context)

    states._error_matches = matches_unless_terminal
    states._invoke_resource = invoke_within_limit
    states._find_matching_retrier = find_with_delay
    states._apply_output_path = output_of_any_language
    states._run_sub_machine = run_states
