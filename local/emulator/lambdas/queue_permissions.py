"""An event source mapping stops when the function's role may not read the queue; MiniStack reads it all the same.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (execution role permissions)
"""

from typing import Any

from ministack.services import lambda_svc

from local.emulator.iam import roles

NEEDED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def patch() -> None:
    concurrency = lambda_svc._sqs_esm_concurrency

    def concurrency_if_allowed(mapping: dict[str, Any], function: Any, config: dict[str, Any], *rest: Any) -> int:
        queue = mapping["EventSourceArn"]
        missing = [action for action in NEEDED if not roles.allowed(config["Role"], action, queue)]
        if missing:
            mapping["LastProcessingResult"] = f"PROBLEM: the function's role lacks {', '.join(missing)}"
            return 0
        allowed: int = concurrency(mapping, function, config, *rest)
        return allowed

    lambda_svc._sqs_esm_concurrency = concurrency_if_allowed
