"""Lets a handler stall at its nth AWS call that changes something, until something else has happened meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tests.unit.faults import READS, clients_of


@contextmanager
def stalled(module: ModuleType, *, at: int, meanwhile: Callable[[], None]) -> Iterator[list[str]]:
    """Let `meanwhile` happen before the change number `at` of the module's clients is sent; give the changes' names.

    A change whose answer stalls is the next one that is not sent yet. What the same clients do meanwhile counts for
    nothing.
    """
    calls: list[str] = []
    busy = False

    def count(model: Any, **_: Any) -> None:
        nonlocal busy
        if busy or model.name.startswith(READS):
            return
        calls.append(model.name)
        if len(calls) == at:
            busy = True
            meanwhile()
            busy = False

    clients = clients_of(module)
    for client in clients:
        client.meta.events.register("before-call", count, unique_id="stalled")
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", unique_id="stalled")
