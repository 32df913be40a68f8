"""Reads and conditional writes of a DynamoDB table. A write returns False when its condition does not hold.

Items are plain Python values here. boto3's resource would translate them too, but importing it takes a seventh of the
cold start of a function that does little else.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from typing import Any

Key = dict[str, str]

_KEYS_OF_ONE_READ = 100
"""What one BatchGetItem takes."""
_CONFLICT_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait while another writer changes the same item; the SDK does not retry these conflicts itself."""


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
        operands = {**self.operands, **self.values}
        return {
            "TableName": table,
            "Key": stored(self.key),
            "UpdateExpression": expression,
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            "ExpressionAttributeValues": stored({f":{name}": value for name, value in operands.items()}),
        }


class Items:
    """client: DynamoDB's, of botocore or boto3."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: Key) -> dict[str, Any]:
        """Return the item as it is now, or {} when there is none."""
        answer = self._client.get_item(TableName=self._table, Key=stored(key), ConsistentRead=True)
        return plain(answer.get("Item", {}))

    def get_all(self, keys: Iterable[Key]) -> Iterator[dict[str, Any]]:
        """Yield the items of these keys as they are now, in no order; keys without one are left out.

        No key may come twice.
        """
        for some in batched(keys, _KEYS_OF_ONE_READ, strict=False):
            wanted = {self._table: {"Keys": [stored(key) for key in some], "ConsistentRead": True}}
            while wanted:
                answer = self._client.batch_get_item(RequestItems=wanted)
                yield from map(plain, answer["Responses"].get(self._table, []))
                wanted = answer.get("UnprocessedKeys", {})

    def query(self, condition: str, operands: Mapping[str, Any], **how: Any) -> Iterator[dict[str, Any]]:
        """Yield the items for which the condition holds, page by page, in the order of their sort key.

        condition and operands: as in Change. how: DynamoDB's other parameters, such as IndexName.
        """
        expressions = f"{condition} {how.get('FilterExpression', '')}"
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in re.findall(r"#(\w+)", expressions)},
            ExpressionAttributeValues=stored({f":{name}": value for name, value in operands.items()}),
            **how,
        )
        for page in pages:
            yield from map(plain, page["Items"])

    def scan(self) -> Iterator[dict[str, Any]]:
        """Yield every item of the table as it is when its page is read; items of one partition key come together."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            yield from map(plain, page["Items"])

    def add(self, item: dict[str, Any], *, key: str) -> bool:
        """Put an item that must not exist yet; `key` is its partition key's name. False when it exists."""
        request = {
            "TableName": self._table,
            "Item": stored(item),
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": key},
        }
        return self._done(lambda: self._client.put_item(**request))

    def put(self, item: dict[str, Any]) -> None:
        """Put an item, replacing the one of its key."""
        self._client.put_item(TableName=self._table, Item=stored(item))

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


def stored(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return plain values as DynamoDB takes them. Raises TypeError for what is no text, number, bool, None, list or
    dictionary."""
    return {name: _stored(value) for name, value in item.items()}


def plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what DynamoDB gave as plain values; whole numbers are int, others float."""
    return {name: _plain(value) for name, value in item.items()}


def _stored(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case list() | tuple():
            return {"L": [_stored(each) for each in value]}
        case dict():
            return {"M": stored(value)}
    raise TypeError(f"an item cannot hold a {type(value).__name__}")


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, given),) = value.items()
    match kind:
        case "NULL":
            return None
        case "BOOL" | "S":
            return given
        case "N":
            number = Decimal(given)
            return int(number) if number == number.to_integral_value() else float(number)
        case "L":
            return [_plain(each) for each in given]
        case "M":
            return plain(given)
    raise TypeError(f"an item of ours holds no {kind}")
