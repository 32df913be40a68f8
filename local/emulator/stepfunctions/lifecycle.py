"""A machine's TimeoutSeconds ends an execution, and StartExecution is idempotent; MiniStack has neither.

The same name with the same input is the same execution while it runs. An execution that has ended (timed out, aborted)
is not ended again by a task that was still running.
"""

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions as states


def time_out(execution: dict[str, Any]) -> None:
    """End a running execution as TIMED_OUT."""
    if execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", stopDate=states.now_iso())
        states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        states._emit_execution_status_event(execution)


def seconds_of(execution: dict[str, Any]) -> float | None:
    """The machine's TimeoutSeconds; never scaled, since it bounds real work."""
    machine = states._state_machines.get(execution["stateMachineArn"])
    return json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None


def patch() -> None:
    run, start, fail = states._run_execution, states._start_execution, states._fail_execution

    def run_in_time(execution_arn: str) -> None:
        execution = states._executions[execution_arn]
        seconds = seconds_of(execution)
        if seconds is None:
            return run(execution_arn)
        context = contextvars.copy_context()
        timer = threading.Timer(seconds, context.run, args=(time_out, execution))
        timer.daemon = True
        timer.start()
        try:
            return run(execution_arn)
        finally:
            timer.cancel()

    def start_once(data: dict[str, Any]) -> Any:
        machine = states._state_machines.get(data.get("stateMachineArn", ""))
        if machine and data.get("name"):
            prefix = f"arn:aws:states:{get_region()}:{get_account_id()}:execution"
            found = states._executions.get(f"{prefix}:{machine['name']}:{data['name']}")
            if found and found["status"] == "RUNNING" and found["input"] == data.get("input", "{}"):
                return states.json_response({"executionArn": found["executionArn"], "startDate": found["startDate"]})
        return start(data)

    def fail_once(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    states._run_execution = run_in_time
    states._start_execution = start_once
    states._fail_execution = fail_once
