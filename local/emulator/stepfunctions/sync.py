"""The `.sync` integrations of glue:startJobRun and athena:startQueryExecution wait for the end; MiniStack has none."""

import json
import time
from typing import Any

from ministack.services import stepfunctions as states

from local.emulator.stepfunctions import calls
from local.emulator.stepfunctions.calls import call, execution_of

POLL_SECONDS = 0.1
SYNC = (".sync", ".sync:2")


def run_job(arguments: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
    """The ended job run; raises States.TaskFailed with it as the cause unless it succeeded."""
    wanted = {"JobName": arguments["JobName"], "RunId": started["JobRunId"]}
    while True:
        run: dict[str, Any] = call("glue", "getJobRun", wanted, sdk=False)["JobRun"]
        match run["JobRunState"]:
            case "SUCCEEDED" | "STOPPED":
                return run
            case "FAILED" | "TIMEOUT" | "ERROR":
                raise states._ExecutionError("States.TaskFailed", json.dumps(run))
        if abandoned():
            stop = {"JobName": arguments["JobName"], "JobRunIds": [started["JobRunId"]]}
            call("glue", "batchStopJobRun", stop, sdk=False)
        time.sleep(POLL_SECONDS)


def run_query(_: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
    """The ended query; raises States.TaskFailed with it as the cause unless it succeeded."""
    while True:
        answer = call("athena", "getQueryExecution", started, sdk=False)
        match answer["QueryExecution"]["Status"]["State"]:
            case "SUCCEEDED":
                return answer
            case "FAILED" | "CANCELLED":
                raise states._ExecutionError("States.TaskFailed", json.dumps(answer["QueryExecution"]))
        if abandoned():
            call("athena", "stopQueryExecution", started, sdk=False)
        time.sleep(POLL_SECONDS)


def abandoned() -> bool:
    """Whether the execution has ended meanwhile: AWS then stops the job or query that it waits for."""
    return bool(execution_of.get()["status"] != "RUNNING")


INTEGRATIONS = {
    "arn:aws:states:::glue:startJobRun": run_job,
    "arn:aws:states:::athena:startQueryExecution": run_query,
}


def patch() -> None:
    invoke = states._invoke_resource

    def invoke_and_wait(resource: str, arguments: Any) -> Any:
        plain = calls.SUFFIX.sub("", resource)
        if not resource.endswith(SYNC) or plain not in INTEGRATIONS:
            return invoke(resource, arguments)
        return INTEGRATIONS[plain](arguments, invoke(plain, arguments))

    states._invoke_resource = invoke_and_wait
