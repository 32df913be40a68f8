"""Which occurrence of a record was the first is decided once, whoever asks."""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from sluice.aws.dynamodb import Items, Key, plain
from sluice.stream import seen_records as module
from sluice.stream.seen_records import KEPT_SECONDS, FirstSeen
from tests.unit.cloud import FIRST_SEEN, Cloud

RECORDS = [f"{number:032x}" for number in range(250)]


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto copies all its tables in a transaction, and fails when another thread writes meanwhile."""
    monkeypatch.setattr(module, "_THREADS", 1)


def claims(occurrence: str, records: list[str] = RECORDS) -> dict[str, str]:
    return dict.fromkeys(records, occurrence)


def first_seen(cloud: Cloud) -> FirstSeen:
    return FirstSeen(Items(cloud.dynamodb, FIRST_SEEN))


def test_the_first_to_claim_a_record_has_it_for_good(cloud: Cloud):
    seen = first_seen(cloud)
    assert seen.of(claims("shard-0/1", RECORDS[:120])) == set(RECORDS[:120])
    assert seen.of(claims("shard-1/1")) == set(RECORDS[120:])
    for _ in range(2):  # as a batch that is tried again
        assert seen.of(claims("shard-0/1", RECORDS[100:130])) == set(RECORDS[100:120])


def test_nothing_is_asked_of_no_records(cloud: Cloud):
    assert first_seen(cloud).of({}) == set()


def test_who_comes_between_a_read_and_a_write_is_not_overwritten(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    items, other = Items(cloud.dynamodb, FIRST_SEEN), first_seen(cloud)
    read = items.get_all
    between = [claims("shard-1/9", RECORDS[:1]), claims("shard-1/9", RECORDS[5:7])]

    def late(keys: Iterable[Key]) -> Iterator[dict[str, Any]]:
        found = list(read(keys))
        if between:
            other.of(between.pop())
        return iter(found)

    monkeypatch.setattr(items, "get_all", late)
    taken = {RECORDS[0], *RECORDS[5:7]}
    assert FirstSeen(items).of(claims("shard-0/1", RECORDS[:50])) == set(RECORDS[:50]) - taken


def test_a_record_is_forgotten_long_after_the_stream_has_forgotten_it(cloud: Cloud):
    first_seen(cloud).of(claims("shard-0/1", RECORDS[:1]))
    (item,) = map(plain, cloud.dynamodb.scan(TableName=FIRST_SEEN)["Items"])
    week = 7 * 24 * 3600
    assert week < KEPT_SECONDS
    assert item["expires"] > time.time() + week
