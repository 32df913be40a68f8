"""Lets a handler die right after the nth AWS call that changes something.

These are all the states that a death can leave behind: dying before a call, or before or after a mere reading,
leaves what dying after the change before it leaves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from botocore.client import BaseClient

from sluice.aws.dynamodb import Items
from sluice.intake import Intake
from sluice.ledger.ledger import Ledger
from sluice.publish.lake import Catalog, Lake

READS = ("Get", "List", "Head", "BatchGet")


def clients_of(module: ModuleType) -> list[Any]:
    """The AWS clients that a handler holds, also those within its ledger, lake, catalog and intake."""
    found, held = {}, list(vars(module).values())
    while held:
        value = held.pop()
        if isinstance(value, BaseClient):
            found[id(value)] = value
        elif isinstance(value, (Intake, Lake, Catalog, Ledger, Items)):
            held += vars(value).values()
    return list(found.values())


class Died(Exception):
    """The function died here."""


@contextmanager
def dying(module: ModuleType, *, after: int) -> Iterator[None]:
    """Let a handler's module die after the change number `after` that any of its clients makes."""
    changes: list[str] = []

    def count(model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            changes.append(model.name)
            if len(changes) == after:
                raise Died(model.name)

    clients = clients_of(module)
    for client in clients:
        client.meta.events.register("after-call", count, unique_id="dying")
    try:
        yield
    finally:
        for client in clients:
            client.meta.events.unregister("after-call", unique_id="dying")
