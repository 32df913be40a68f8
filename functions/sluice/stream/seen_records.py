"""Remembers which occurrence of a record was the first, so that a record that comes again is told from a new one.

One item a record in a DynamoDB table of its own: the record's identity, its first occurrence, and when it is forgotten.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from sluice.aws.dynamodb import Change, Items

REMEMBERED_SECONDS = 90 * 24 * 3600
"""Far above the week of the stream: a batch that is tried again must find what it was told before."""
_TOGETHER = 100
"""What one BatchGetItem and one TransactWriteItems take."""
_THREADS = 8


class FirstSeen:
    """items: the table, its partition key `record`."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def of(self, claims: Mapping[str, str]) -> set[str]:
        """Return the records whose first occurrence is the claimed one.

        claims: record → occurrence, each a text. The answer is the same whenever and with whatever others it is asked,
        also while others ask, until the records are forgotten.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            return set().union(*pool.map(self._decided, batched(claims.items(), _TOGETHER, strict=False)))

    def _decided(self, some: Iterable[tuple[str, str]]) -> set[str]:
        claims = dict(some)
        while True:  # each time around, a record is known that was not: at most as often as there are records
            known = {
                item["record"]: item["first"] for item in self._items.get_all({"record": record} for record in claims)
            }
            new = [_claim(record, first) for record, first in claims.items() if record not in known]
            if not new or self._items.change_all(*new):
                return {record for record, first in claims.items() if known.get(record, first) == first}


def _claim(record: str, first: str) -> Change:
    return Change(
        key={"record": record},
        values={"first": first, "expires": int(time.time()) + REMEMBERED_SECONDS},
        condition="attribute_not_exists(#record)",
        operands={},
    )
