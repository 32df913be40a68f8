"""A copy honours If-None-Match and refuses to overwrite; MiniStack's does it for uploads only."""

from typing import Any

from ministack.services import s3


def patch() -> None:
    copy_object = s3._copy_object

    def copy_unless_there(bucket: str, key: str, headers: dict[str, str]) -> Any:
        there = (s3._ensure_bucket(bucket) or {}).get("objects", {}).get(key)
        refused = s3._check_put_preconditions(headers, there)
        return copy_object(bucket, key, headers) if refused is None else refused

    s3._copy_object = copy_unless_there
