"""Lets a handler die right after the nth AWS call that changes something.

These are all the states that a death can leave behind: dying before a call, or before or after a mere reading,
leaves what dying after the change before it leaves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from sluice.ledger.ledger import Ledger

_READS = ("Get", "List", "Head", "BatchGet")


class Died(Exception):
    """The function died here."""


@contextmanager
def dying(module: ModuleType, *, after: int) -> Iterator[None]:
    """Let a handler's module die after the change number `after` that any of its clients makes."""
    changes: list[str] = []

    def count(model: Any, **_: Any) -> None:
        if not model.name.startswith(_READS):
            changes.append(model.name)
            if len(changes) == after:
                raise Died(model.name)

    held = {**vars(module), **vars(getattr(module, "INTAKE", module))}
    clients = [value for value in held.values() if hasattr(value, "meta") and hasattr(value.meta, "events")]
    clients += [value._items._client for value in held.values() if isinstance(value, Ledger)]
    for client in clients:
        client.meta.events.register("after-call", count, unique_id="dying")
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("after-call", unique_id="dying")
