"""Waits for something to become true, for the parts of AWS that happen later."""

import time
from collections.abc import Callable


class StillWaiting(Exception):
    """What was waited for has not come in time."""


def eventually[T](look: Callable[[], T | None], *, seconds: float = 15.0) -> T:
    """What `look` answers as soon as it is truthy; raises StillWaiting after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise StillWaiting(f"still {seen!r} after {seconds} s")
        time.sleep(0.05)
    return seen
