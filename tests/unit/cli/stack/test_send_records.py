"""Every line is sent once, in batches that Kinesis takes, however often it refuses some."""

import random
from typing import Any

import pytest

from cli.stack.send_records import MOST_BYTES, StreamRefused, batches, records, send


class Stream:
    """A stream that refuses every record so many times."""

    def __init__(self, refusals: int) -> None:
        self._left: dict[bytes, int] = {}
        self._refusals = refusals
        self.taken: list[bytes] = []

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        return {"Records": [self._put(record["Data"]) for record in Records]}

    def _put(self, data: bytes) -> dict[str, str]:
        left = self._left.setdefault(data, random.randint(0, self._refusals))  # noqa: S311
        if left:
            self._left[data] -= 1
            return {"ErrorCode": "ProvisionedThroughputExceededException"}
        self.taken.append(data)
        return {"SequenceNumber": "1"}


def test_refused_records_are_sent_again_and_accepted_ones_are_not():
    stream = Stream(refusals=3)
    batch = list(records("sentiment", [b'{"a": %d}\n' % number for number in range(100)]))
    again = send(stream, "s", batch, pause=lambda seconds: None)
    assert sorted(stream.taken) == sorted(record["Data"] for record in batch)
    assert again > 0


def test_records_that_are_always_refused_are_an_error():
    class Closed(Stream):
        def _put(self, data: bytes) -> dict[str, str]:
            return {"ErrorCode": "KMSDisabledException"}

    batch = list(records("sentiment", [b"{}"]))
    with pytest.raises(StreamRefused, match="KMSDisabledException"):
        send(Closed(0), "s", batch, pause=lambda seconds: None)


def test_batches_respect_the_limits_and_have_every_record():
    lines = [b"x" * (1_000_000 if number % 7 == 0 else 10) + b"%d\n" % number for number in range(1500)]
    made = list(batches(records("sentiment", [*lines, b"\n", b"  \r\n"])))
    assert [record["Data"] for batch in made for record in batch] == [line.strip() for line in lines]
    assert max(len(batch) for batch in made) <= 500
    assert max(sum(len(record["Data"]) + 26 for record in batch) for batch in made) <= MOST_BYTES


def test_a_record_that_is_too_long_is_named_by_its_line():
    with pytest.raises(StreamRefused, match="line 2 has 1,048,577 bytes"):
        list(records("sentiment", [b"{}\n", b"x" * 1_048_577]))


def test_the_partition_key_names_the_dataset_and_is_the_same_for_the_same_record():
    one, other, same = records("sentiment", [b'{"a": 1}\n', b'{"a": 2}\n', b'{"a": 1}\r\n'])
    assert one["PartitionKey"] == same["PartitionKey"] != other["PartitionKey"]
    assert one["PartitionKey"].startswith("sentiment/")
