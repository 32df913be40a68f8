"""Records the first occurrence of each record of a stream, so that one that comes again is counted once.

One item a record in a DynamoDB table of its own: the record's identity, its first occurrence, and when it expires.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from sluice.aws.dynamodb import Change, Items

KEPT_SECONDS = 90 * 24 * 3600
"""Far above the week of the stream: a batch that is tried again must get the same answer."""
_TOGETHER = 100
"""What one BatchGetItem and one TransactWriteItems take."""
_THREADS = 8


class FirstSeen:
    """items: the table, its partition key `record`."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def of(self, claims: Mapping[str, str]) -> set[str]:
        """Return the records whose first occurrence is the claimed one.

        claims: record → occurrence, each a text. The answer for a record is the same in every call, also
        in parallel ones, until the record expires.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            return set().union(*pool.map(self._decided, batched(claims.items(), _TOGETHER, strict=False)))

    def _decided(self, some: Iterable[tuple[str, str]]) -> set[str]:
        claims = dict(some)
        while True:  # each time around, one more record is known
            known = {
                item["record"]: item["first"] for item in self._items.get_all({"record": record} for record in claims)
            }
            new = [_claim(record, first) for record, first in claims.items() if record not in known]
            if not new or self._items.change_all(*new):
                return {record for record, first in claims.items() if known.get(record, first) == first}


def _claim(record: str, first: str) -> Change:
    return Change(
        key={"record": record},
        values={"first": first, "expires": int(time.time()) + KEPT_SECONDS},
        condition="attribute_not_exists(#record)",
        operands={},
    )
