"""When the function of a custom resource fails, its resource fails with that error.

MiniStack waits for an hour for an answer that the function can no longer send.
"""

from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource


def patch() -> None:
    execute = lambda_svc._execute_function_with_config_scope

    def execute_and_report(function: Any, event: Any) -> Any:
        result = execute(function, event)
        if result.get("error") and isinstance(event, dict) and "ResponseURL" in event:
            body = result["body"]
            reason = f"{body.get('errorType')}: {body.get('errorMessage')}"
            token = event["ResponseURL"].rsplit("/", 1)[-1]
            custom_resource.deliver_response(token, {"Status": "FAILED", "Reason": reason})
        return result

    lambda_svc._execute_function_with_config_scope = execute_and_report
