"""Waits until something becomes true: AWS is eventually consistent."""

import time
from collections.abc import Callable


class StillWaiting(Exception):
    """It did not become true in time."""


def eventually[T](look: Callable[[], T | None], *, seconds: float = 15.0) -> T:
    """What `look` returns as soon as it is truthy; raises StillWaiting after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise StillWaiting(f"still {answer!r} after {seconds} s")
        time.sleep(0.05)
    return answer
