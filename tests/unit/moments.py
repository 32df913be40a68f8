"""Brings a moment of the mocked AWS back, so that many things can begin at it, and it is made only once."""

import copy
from collections.abc import Callable
from typing import Any

from moto.backends import get_backend

_SERVICES = ("s3", "dynamodb", "glue", "events", "stepfunctions")
"""What handlers change, but for queues, which hold locks: messages stay."""


def this_moment() -> Callable[[], None]:
    """Return a function that brings back what the services hold now, as often as it is called."""
    kept = [
        (backend, _copied(vars(backend)))
        for service in _SERVICES
        for of_region in get_backend(service).values()
        for backend in of_region.values()
    ]

    def back() -> None:
        for backend, state in kept:
            vars(backend).update(_copied(state))

    return back


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of what one of moto's backends holds. Of a bucket, deepcopy takes the latest version of each key
    alone."""
    copied = copy.deepcopy(state)
    for name, bucket in copied.get("buckets", {}).items():
        for key, versions in state["buckets"][name].keys.lists():
            bucket.keys.setlist(key, copy.deepcopy(versions))
    return copied
