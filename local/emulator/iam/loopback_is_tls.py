"""MiniStack tells policies that its plain HTTP is no TLS, so that a bucket which demands TLS would refuse everyone.

Requests of the loopback interface never cross a network: here they count as encrypted.
"""

from typing import Any

from ministack.core import iam_evaluator


def patch() -> None:
    resolve = iam_evaluator._resolve_condition_key

    def resolve_with_tls(key: str, ctx: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_with_tls
