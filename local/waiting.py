"""Waits for something to become true, for the parts of AWS that happen later."""

import time
from collections.abc import Callable


def eventually[T](look: Callable[[], T], *, seconds: float = 15.0) -> T:
    """What `look` answers as soon as it is truthy; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {seconds} s"
        time.sleep(0.05)
    return seen
