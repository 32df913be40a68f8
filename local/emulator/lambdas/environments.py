"""Lambda starts another environment for every invocation that finds none free; on one machine the starts would eat
the cores that the work needs. Here an invocation waits for one of a function's few environments.

A function that invokes itself and waits would wait for ever: nothing here does.
"""

import os
import threading
from collections import defaultdict
from typing import Any

from ministack.services import lambda_svc

ENVIRONMENTS = max(2, os.cpu_count() or 1)
"""How many environments a function has at most."""


def patch() -> None:
    execute = lambda_svc._execute_function_warm
    free: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(ENVIRONMENTS))

    def execute_in_turn(function: Any, event: Any, request_id: str) -> Any:
        name = (function.get("config") or function)["FunctionName"]
        with free[name]:
            return execute(function, event, request_id)

    lambda_svc._execute_function_warm = execute_in_turn
