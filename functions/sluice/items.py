"""Reads of a DynamoDB table, and conditional writes: each either happens, or says that its condition does not hold."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from typing import Any

Key = dict[str, str]

_KEYS_OF_ONE_READ = 100
"""What one BatchGetItem takes."""
_CONFLICT_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait when another writer is at the same item; the SDK does not retry these conflicts itself."""


@dataclass(frozen=True)
class Change:
    """Set `values` on one item and remove attributes, under a condition.

    In the condition `#name` stands for an attribute and `:name` for one of `values` or `operands`: every
    attribute is named by a placeholder, because many plain names are reserved words.
    """

    key: Key
    values: dict[str, Any]
    condition: str
    operands: dict[str, Any]
    remove: tuple[str, ...] = ()

    def request(self, table: str) -> dict[str, Any]:
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in self.values)
        if self.remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in self.remove)
        names = re.findall(r"#(\w+)", f"{expression} {self.condition}")
        operands = _storable({**self.operands, **self.values})
        return {
            "TableName": table,
            "Key": self.key,
            "UpdateExpression": expression,
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            "ExpressionAttributeValues": {f":{name}": value for name, value in operands.items()},
        }


class Items:
    """client: that of a boto3 DynamoDB resource (`resource.meta.client`), which takes plain Python values."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: Key) -> dict[str, Any]:
        """Return the item as it is now, or {} when there is none."""
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item

    def get_all(self, keys: Iterable[Key]) -> Iterator[dict[str, Any]]:
        """Give the items of these keys as they are now, in no order; keys without one are left out.

        No key may come twice.
        """
        for some in batched(keys, _KEYS_OF_ONE_READ, strict=False):
            wanted = {self._table: {"Keys": list(some), "ConsistentRead": True}}
            while wanted:
                answer = self._client.batch_get_item(RequestItems=wanted)
                yield from answer["Responses"].get(self._table, [])
                wanted = answer.get("UnprocessedKeys", {})

    def add(self, item: dict[str, Any], *, key: str) -> bool:
        """Put an item that must not exist yet; `key` is its partition key's name. False when it exists."""
        request = {
            "TableName": self._table,
            "Item": _storable(item),
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": key},
        }
        return self._done(lambda: self._client.put_item(**request))

    def put(self, item: dict[str, Any]) -> None:
        """Put an item in the place of the one that may be there."""
        self._client.put_item(TableName=self._table, Item=_storable(item))

    def change(self, change: Change) -> bool:
        """Change one item; False when the condition does not hold."""
        return self._done(lambda: self._client.update_item(**change.request(self._table)))

    def change_all(self, *changes: Change) -> bool:
        """Change all items or none; False when a condition does not hold."""
        items = [{"Update": change.request(self._table)} for change in changes]
        return self._done(lambda: self._client.transact_write_items(TransactItems=items))

    def _done(self, write: Callable[[], Any]) -> bool:
        known = self._client.exceptions
        for pause in (*_CONFLICT_PAUSES, None):
            try:
                write()
            except known.ConditionalCheckFailedException:
                return False
            except (known.TransactionConflictException, known.TransactionCanceledException) as error:
                if "ConditionalCheckFailed" in _reasons(error):
                    return False
                if pause is None or _reasons(error) != {"TransactionConflict"}:
                    raise
                time.sleep(pause)
            else:
                return True
        raise AssertionError("the last pause is None, which raises")


def _reasons(error: Any) -> set[str]:
    if error.response["Error"]["Code"] == "TransactionConflictException":
        return {"TransactionConflict"}
    reasons = error.response.get("CancellationReasons", [])
    return {reason["Code"] for reason in reasons if reason.get("Code", "None") != "None"}


def plain(value: Any) -> Any:
    """Return what DynamoDB gave with its Decimals as int and float."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB refuses floats."""
    stored: dict[str, Any] = json.loads(json.dumps(values), parse_float=Decimal)
    return stored
