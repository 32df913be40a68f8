"""Ends the local AWS by itself: with the process that started it, or after a time without calls."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class Watch:
    """Sets `ended` when standard input closes (its other end is the parent's) or when no call came for long."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._last_call = time.monotonic()
        if os.environ["SLUICE_TIED_TO_PARENT"] == "1":
            threading.Thread(target=self._wait_for_parent, daemon=True).start()
        idle_seconds = float(os.environ["SLUICE_IDLE_SECONDS"])
        threading.Thread(target=self._wait_for_idleness, args=(idle_seconds,), daemon=True).start()

    def around(self, app: AsgiApp) -> AsgiApp:
        """`app`, noting the time of each call."""

        async def noted(scope: Any, receive: Any, send: Any) -> None:
            self._last_call = time.monotonic()
            await app(scope, receive, send)

        return noted

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    def _wait_for_parent(self) -> None:
        # Not sys.stdin: its lock, credentials by a daemon thread, aborts the interpreter at exit.
        while os.read(sys.__stdin__.fileno() if sys.__stdin__ else 0, 1024):
            pass
        self._end()

    def _wait_for_idleness(self, seconds: float) -> None:
        while time.monotonic() - self._last_call < seconds:
            time.sleep(min(5.0, seconds / 4))
        self._end()
