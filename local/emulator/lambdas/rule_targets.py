"""A rule invokes a function asynchronously, with two retries and a destination; MiniStack calls it once."""

import json
from typing import Any

from ministack.services import eventbridge, lambda_svc


def patch() -> None:
    def deliver(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            record: dict[str, Any] = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = deliver
