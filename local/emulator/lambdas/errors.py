"""Lambda returns the class of the exception that a handler raised; MiniStack always Runtime.HandlerError.

Without the class a Catch by name never matches. The worker reports what was raised; here it becomes the payload of
the answer. As on AWS an environment whose handler raised stays warm, and one that timed out or exited does not.
"""

import queue
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator.lambdas.worker import END_OF_LOG

LOG_SECONDS = 2.0  # how long the last line of a log may take through its pipe

Answer = dict[str, Any]
_answer: ContextVar[Answer | None] = ContextVar("worker_answer", default=None)


def drain_log(worker: Any, *_: Any, **__: Any) -> str:
    """The log of one invocation: all lines up to the worker's END_OF_LOG."""
    lines: list[str] = []
    deadline = time.monotonic() + LOG_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = worker._stderr_queue.get(timeout=left)
        except queue.Empty:
            break
        if line == END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


def drain_rest(worker: Any) -> str:
    """The rest of the log of an environment that timed out or exited."""
    lines: list[str] = []
    deadline = time.monotonic() + 0.1
    while (left := deadline - time.monotonic()) > 0:
        try:
            lines.append(worker._stderr_queue.get(timeout=left))
        except queue.Empty:
            break
    return "\n".join(lines)


def patch() -> None:
    lambda_runtime._PYTHON_WORKER_SCRIPT = (Path(__file__).with_name("worker.py")).read_text()
    invoke = lambda_runtime.Worker.invoke
    spawn = lambda_runtime.Worker._spawn
    execute = lambda_svc._execute_function_warm

    def spawn_noting(worker: Any) -> None:
        spawn(worker)
        worker._spawned = worker._proc  # which `invoke` forgets when the process has died

    def invoke_noting(worker: Any, *args: Any, **kwargs: Any) -> Answer:
        answer: Answer = invoke(worker, *args, **kwargs)
        _answer.set(answer | {"exit": worker._spawned.poll()})
        return answer

    def drain(worker: Any, *args: Any, **kwargs: Any) -> str:
        alive = worker._proc is not None and worker._proc.poll() is None
        return drain_log(worker) if alive else drain_rest(worker)

    def execute_naming(function: Any, event: Any, request_id: str) -> Answer:
        _answer.set(None)
        result: Answer = execute(function, event, request_id)
        answer = _answer.get()
        if answer is None:  # the worker could not even be started
            return result
        if raised := answer.get("raised"):
            return {"body": raised | {"requestId": request_id}, "error": True, "log": answer["log"]}
        if answer.get("error") == "Worker process died":
            message = f"RequestId: {request_id} Error: Runtime exited with error: {ending(answer['exit'])}"
            return {
                "body": {"errorType": "Runtime.ExitError", "errorMessage": message},
                "error": True,
                "log": f"{answer.get('log', '')}\n{message}",
            }
        return result

    lambda_runtime.Worker._spawn = spawn_noting
    lambda_runtime.Worker.invoke = invoke_noting
    lambda_runtime.Worker._drain_stderr_bounded = drain
    lambda_svc._execute_function_warm = execute_naming


def ending(code: int | None) -> str:
    """How a process ended, in Lambda's words."""
    if code is None:
        return "unknown"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
