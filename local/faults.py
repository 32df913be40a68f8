"""Lists the calls of a running local AWS, and makes chosen calls fail."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from local.connection import Connection


@dataclass(frozen=True)
class Call:
    """One call of a service. `role` is the calling role's name, empty for the account's root.

    `action` is the IAM action (s3:PutObject), `operation` the API's own name of it (s3:CompleteMultipartUpload),
    `status` the HTTP status of the answer, `fault` what was injected ("before error"), if anything.
    """

    number: int
    service: str
    action: str
    operation: str
    role: str
    status: int
    fault: str


def calls(aws: Connection, *, since: int = 0) -> list[Call]:
    """The calls numbered above `since`, oldest first."""
    return [Call(**call) for call in _send(aws, "GET", f"/_sluice/calls?since={since}")]


def inject(
    aws: Connection,
    action: str,
    *,
    role: str = "*",
    nth: int = 1,
    times: int = 1,
    when: Literal["before", "after"] = "before",
    how: Literal["error", "kill", "stall"] = "error",
    status: int = 500,
    code: str = "InternalError",
) -> None:
    """Make the `nth` call of `action` by `role` fail, and the `times` - 1 matching calls that follow it.

    `action` and `role` may contain wildcards. `when` says whether the call still takes effect ("after": only its
    answer is lost); `how` whether the caller gets an error, is killed (a state machine is stopped), or has to wait
    until the faults are cleared and then gets its answer after all. An SDK repeats calls that fail with 500: set
    `times` to outlast it (botocore makes 5 attempts).
    """
    fault = {"action": action, "role": role, "nth": nth, "times": times, "when": when, "how": how}
    _send(aws, "POST", "/_sluice/faults", fault | {"status": status, "code": code})


def fired(aws: Connection) -> int:
    """How often the faults have fired, in all."""
    return sum(fired_each(aws))


def fired_each(aws: Connection) -> list[int]:
    """How often each fault has fired, in the order in which they were set."""
    return [fault["fired"] for fault in _send(aws, "GET", "/_sluice/faults")]


def clear(aws: Connection) -> None:
    """Clear all faults."""
    _send(aws, "DELETE", "/_sluice/faults")


def _send(aws: Connection, method: str, path: str, document: Any = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(aws.endpoint + path, data=body, method=method)  # noqa: S310 (http)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (http)
        return json.load(answer)
