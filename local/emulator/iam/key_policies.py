"""EventBridge puts an event into an encrypted queue only where the key's policy admits it; MiniStack asks no key.

EventBridge sends KMS none of the condition keys of its source (SNS guide, "Encrypt messages published to a topic from
AWS services": aws:SourceAccount and aws:SourceArn are not supported), so a statement with a condition admits nothing.
"""

import json
import logging
from typing import Any

from ministack.services import eventbridge, kms, sqs

NEEDED = {"kms:GenerateDataKey", "kms:Decrypt"}

logger = logging.getLogger(__name__)


def admitted(key: str, service: str) -> set[str]:
    """The actions that the policy of a key allows a service without a condition; all NEEDED for a key of AWS."""
    found = kms._resolve_key(key)
    if not found:
        return set(NEEDED)
    statements = json.loads(found["Policy"])["Statement"]
    return {
        action
        for statement in statements
        if statement["Effect"] == "Allow" and not statement.get("Condition")
        if service
        in _list(statement["Principal"].get("Service", []) if isinstance(statement["Principal"], dict) else [])
        for action in _list(statement["Action"])
    }


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def patch() -> None:
    dispatch = eventbridge._dispatch_to_sqs

    def dispatch_if_admitted(spec: Any, payload: str, *rest: Any) -> None:
        queue = sqs._queue_by_arn(str(spec)) or {}
        key = queue.get("attributes", {}).get("KmsMasterKeyId")
        if key and not admitted(key, "events.amazonaws.com") >= NEEDED:
            logger.warning("FailedInvocation: the policy of key %s does not admit events.amazonaws.com", key)
            return
        dispatch(spec, payload, *rest)

    eventbridge._dispatch_to_sqs = dispatch_if_admitted
