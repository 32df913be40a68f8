"""Requests over the loopback interface count as encrypted (aws:SecureTransport), since they cross no network.

MiniStack evaluates plain HTTP as no TLS, so a bucket policy that demands TLS would refuse everyone.
"""

from typing import Any

from ministack.core import iam_evaluator


def patch() -> None:
    resolve = iam_evaluator._resolve_condition_key

    def resolve_with_tls(key: str, ctx: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_with_tls
