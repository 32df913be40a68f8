"""Sends records to a Kinesis stream: as many at a time as it takes, and those again that it did not take."""

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sluice.errors import SluiceError

MOST_RECORDS, MOST_BYTES, LONGEST = 500, 5 << 20, 1 << 20
"""What one PutRecords call and one record may hold, partition keys included (Kinesis' quotas; bytes)."""
TRIES = 12
LONGEST_PAUSE = 5.0


class NotTaken(SluiceError):
    """The stream did not take records, or cannot."""


Record = dict[str, Any]


def records(dataset: str, lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield what PutRecords takes of each line that is not blank.

    The partition key names the dataset; equal records have equal keys. Raises NotTaken for a line above 1 MiB.
    """
    for number, line in enumerate(lines, start=1):
        data = line.strip()
        if not data:
            continue
        key = f"{dataset}/{hashlib.sha256(data).hexdigest()[:16]}"
        if len(data) + len(key) > LONGEST:
            raise NotTaken(f"line {number:,} has {len(data):,} bytes; a record of a stream may have {LONGEST:,}")
        yield {"Data": data, "PartitionKey": key}


def batches(all_records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in all_records:
        length = len(record["Data"]) + len(record["PartitionKey"])
        if batch and (len(batch) == MOST_RECORDS or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def send(kinesis: Any, stream: str, batch: list[Record], pause: Callable[[float], None] = time.sleep) -> int:
    """Send one batch until all of it is taken; return how many records had to be sent again.

    Raises NotTaken when some are refused time after time; a record that was taken is not sent again.
    """
    again = 0
    for attempt in range(TRIES):
        answer = kinesis.put_records(StreamName=stream, Records=batch)
        refused = [result.get("ErrorCode") for result in answer["Records"]]
        batch = [record for record, code in zip(batch, refused, strict=True) if code]
        if not batch:
            return again
        again += len(batch)
        pause(random.uniform(0, min(LONGEST_PAUSE, 0.1 * 2**attempt)))  # noqa: S311 (no secret)
    codes = ", ".join(sorted({str(code) for code in refused if code}))
    raise NotTaken(f"{len(batch):,} records were refused {TRIES} times: {codes}")
