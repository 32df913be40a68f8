"""Makes the nth AWS call of a handler fail, before it takes effect or after it: its answer is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Died(Exception):
    """The function died here."""


@contextmanager
def dying(module: ModuleType, *, at: int, when: str) -> Iterator[list[str]]:
    """Let the call number `at` of all clients of a handler's module die. when: before-call or after-call.

    Yields the calls seen, as `Service.Operation`.
    """
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(f"{model.service_model.service_name}.{model.name}")
        if len(calls) == at:
            raise Died(calls[-1])

    clients = [value for value in vars(module).values() if hasattr(value, "meta") and hasattr(value.meta, "events")]
    if hasattr(module, "LEDGER"):
        clients.append(module.LEDGER._items._client)
    for client in clients:
        client.meta.events.register(when, count, unique_id="dying")
    try:
        yield calls
    finally:
        for client in clients:
            client.meta.events.unregister(when, unique_id="dying")
