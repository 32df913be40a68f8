"""At most a few environments per function; an invocation that finds none free waits for one.

Lambda starts another environment for each such invocation; on one machine the starts would take the cores from the
work. A function that invokes itself and waits for the answer would deadlock: none here does.
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
