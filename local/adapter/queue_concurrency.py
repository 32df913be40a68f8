"""CloudFormation hands MaximumConcurrency on as the text of a parameter, and MiniStack compares it with a number."""

from typing import Any

from ministack.services import lambda_svc


def rebind() -> None:
    concurrency = lambda_svc._sqs_esm_concurrency

    def concurrency_as_number(esm: dict[str, Any], *args: Any, **kwargs: Any) -> int:
        scaling = esm.get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            esm = esm | {"ScalingConfig": {"MaximumConcurrency": int(scaling["MaximumConcurrency"])}}
        return int(concurrency(esm, *args, **kwargs))

    lambda_svc._sqs_esm_concurrency = concurrency_as_number
