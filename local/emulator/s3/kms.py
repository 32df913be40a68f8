"""S3 checks that the caller may use the bucket's KMS key; MiniStack checks access to the object only.

Writing needs kms:GenerateDataKey, reading needs kms:Decrypt, on the key of the bucket's default encryption. A policy
may name the key that a write asks for (s3:x-amz-server-side-encryption-aws-kms-key-id); MiniStack does not know that.
"""

import xml.etree.ElementTree as ET
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

NEEDED = {"s3:PutObject": "kms:GenerateDataKey", "s3:GetObject": "kms:Decrypt", "s3:GetObjectVersion": "kms:Decrypt"}

KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"

_missing: ContextVar[tuple[str, str] | None] = ContextVar("missing", default=None)  # action and key, when denied


def key_of(object_arn: str, region: str) -> str | None:
    """The ARN of the KMS key that encrypts the objects of the bucket, if one does."""
    bucket, _, _ = object_arn.removeprefix("arn:aws:s3:::").partition("/")
    stored = s3._bucket_encryption.get(bucket)
    if not stored:
        return None
    texts = {node.tag.rsplit("}", 1)[-1]: node.text for node in ET.fromstring(stored).iter()}  # noqa: S314 (our own)
    key = texts.get("KMSMasterKeyID")
    if not (texts.get("SSEAlgorithm") or "").startswith("aws:kms") or not key:
        return None
    account = s3.get_account_id()
    return key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{key}"


def exists(object_arn: str) -> bool:
    """Whether there is an object to decrypt; S3 reports a missing one as missing."""
    bucket, _, key = object_arn.removeprefix("arn:aws:s3:::").partition("/")
    return key in (s3._buckets.get(bucket) or {}).get("objects", {})


def patch() -> None:
    object_context = iam_actions._s3_object_context

    def object_context_with_key(action: str, query: dict[str, Any], path: str, headers: dict[str, str]) -> Any:
        context = object_context(action, query, path, headers)
        if action == "s3:PutObject" and headers.get(KEY_HEADER):
            context[f"s3:{KEY_HEADER}"] = headers[KEY_HEADER]
        return context

    iam_actions._s3_object_context = object_context_with_key
    enforce, refuse = iam_evaluator.enforce, iam_actions.access_denied_response

    def enforce_with_key(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **context: Any
    ) -> Any:
        denied = enforce(access_key, action, service, region, resource_arn=resource_arn, **context)
        request = iam_evaluator._signed_request.get()
        if denied or service != "s3" or action not in NEEDED or (request and request.method == "HEAD"):
            return denied
        if action == "s3:GetObject" and not exists(resource_arn):
            return None
        key = key_of(resource_arn, region)
        denied = enforce(access_key, NEEDED[action], "kms", region, resource_arn=key) if key else None
        if denied and key:
            _missing.set((NEEDED[action], key))
        return denied

    def refuse_by_name(service: str, action: str, *args: Any, **kwargs: Any) -> Any:
        if missing := _missing.get():
            action, kwargs["resource_arn"] = missing
        return refuse(service, action, *args, **kwargs)

    iam_evaluator.enforce = enforce_with_key
    iam_actions.access_denied_response = refuse_by_name
