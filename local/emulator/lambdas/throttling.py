"""At the account's limit an event waits where Lambda found it; MiniStack counts it as failed.

An asynchronous event waits for up to 6 hours, apart from its two retries.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
A queue's batch waits until its visibility timeout is over, and is then delivered again.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
Whoever waits for the answer of a call is refused at once, in MiniStack too. The pauses are a tenth of AWS's.
"""

import random
import time
from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc, sqs

EVENT_SECONDS = 6 * 3600.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0

_seconds: ContextVar[float] = ContextVar("seconds_to_wait_for_concurrency", default=0.0)


def patch() -> None:
    execute, run_batch = lambda_svc._execute_function, lambda_svc._run_sqs_batch
    invoke_event = lambda_svc.invoke_async_with_retry

    def execute_when_free(function: Any, event: Any) -> dict[str, Any]:
        deadline, pause = time.monotonic() + _seconds.get(), FIRST_PAUSE
        while True:
            result: dict[str, Any] = execute(function, event)
            if not result.get("throttle") or time.monotonic() > deadline:
                return result
            time.sleep(pause * random.random())  # noqa: S311 (jitter, no secret)
            pause = min(2 * pause, LONGEST_PAUSE)

    def invoke_event_when_free(function: Any, event: Any) -> None:
        before = _seconds.set(EVENT_SECONDS)  # its thread takes a copy
        invoke_event(function, event)
        _seconds.reset(before)

    def run_batch_when_free(mapping: Any, function: Any, event: Any, batch: Any, queue_url: str, name: str) -> None:
        _seconds.set(float(sqs._queues[queue_url]["attributes"]["VisibilityTimeout"]))
        run_batch(mapping, function, event, batch, queue_url, name)

    lambda_svc._execute_function = execute_when_free
    lambda_svc.invoke_async_with_retry = invoke_event_when_free
    lambda_svc._run_sqs_batch = run_batch_when_free
