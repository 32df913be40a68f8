"""An actor's AWS clients: they ask for the answer of each call, and remember what the actor has seen of it."""

import io
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.dynamodb import Items, Key, stored
from tests.property.protocol.calls import Answer, Call

ERROR = "error after it took effect"
_KEYS_A_PAGE = 1000
"""Of a listing."""
_ASKED_LATE = ("published_version",)
"""Attributes for which the code asks after a further call."""


class Clients:
    """An actor's boto clients: those of all services are one. answer: what each call gets.

    seen: what the actor has seen of each answer. Of an item these are the attributes that it has asked for, so two
    histories that differ in others are one. That holds as long as it asks before its next call, which is checked.
    """

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self._answer = answer
        self.seen: list[Any] = []
        self.exceptions = _EXCEPTIONS
        self.meta = SimpleNamespace(region_name="eu-west-1")

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            kind, given = self._answer(Call(operation, parameters))
            if operation == "get_item" and kind != "error":
                return {"Item": given}
            self.seen.append((kind, given))
            if kind == "error":
                raise error(given, operation)
            return {**given, "Body": io.BytesIO(given["Body"])} if "Body" in given else given

        return call

    def get_paginator(self, operation: str) -> Any:
        def paginate(**parameters: Any) -> Iterator[Any]:
            page = getattr(self, operation)(**parameters)
            yield page
            while page.get("KeyCount") == _KEYS_A_PAGE:
                page = getattr(self, operation)(**parameters, StartAfter=page["Contents"][-1]["Key"])
                yield page

        return SimpleNamespace(paginate=paginate)


class Seen(Mapping[str, Any]):
    """An item as the ledger's Items returns it, which records what is asked of it."""

    def __init__(self, clients: Clients, item: Mapping[str, Any]) -> None:
        self._clients = clients
        self._item = item
        self._asked: dict[str, Any] = {name: item.get(name) for name in _ASKED_LATE}
        clients.seen.append(self._asked)

    def __getitem__(self, name: str) -> Any:
        assert name in self._asked or self._clients.seen[-1] is self._asked, f"add {name} to _ASKED_LATE"
        self._asked[name] = self._item.get(name)
        return self._item[name]

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        for name in self._item:
            self[name]
        self._asked["all"] = True
        return iter(self._item)

    def __len__(self) -> int:
        return len(list(iter(self)))


def get_item(items: Items, key: Key) -> Mapping[str, Any]:
    """Items.get, recording what is asked of the item."""
    clients: Clients = items._client
    return Seen(clients, clients.get_item(TableName="", Key=stored(key), ConsistentRead=True)["Item"] or {})


_CODES = (
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "NoSuchKey",
    "AlreadyExistsException",
    "EntityNotFoundException",
    "ConcurrentModificationException",
)
_EXCEPTIONS = SimpleNamespace(**{code: type(code, (ClientError,), {}) for code in _CODES})


def error(code: str, operation: str) -> Exception:
    """Return the error of a code as botocore raises it."""
    if code == ERROR:
        return OSError(f"{operation}: the connection broke")
    reasons = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]} if code.startswith("Transaction") else {}
    kind = getattr(_EXCEPTIONS, code, ClientError)
    return kind({"Error": {"Code": code, "Message": code}, **reasons}, operation)
