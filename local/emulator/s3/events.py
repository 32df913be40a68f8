"""S3's events on EventBridge have the object's `version-id`; MiniStack's do not."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

_version: ContextVar[str | None] = ContextVar("version", default=None)


def patch() -> None:
    fire = s3._fire_s3_event
    dispatch = eventbridge._dispatch_event

    def fire_noting_version(*args: Any, version_id: str | None = None, **kwargs: Any) -> None:
        _version.set(version_id)  # each event is fired in a context of its own
        fire(*args, version_id=version_id, **kwargs)

    def dispatch_with_version(event: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        version = _version.get()
        if event.get("Source") == "aws.s3" and version not in (None, "null"):
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = event | {"Detail": json.dumps(detail)}
        return dispatch(event, *args, **kwargs)

    s3._fire_s3_event = fire_noting_version
    eventbridge._dispatch_event = dispatch_with_version
