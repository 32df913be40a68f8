"""Sends records to a Kinesis stream in PutRecords batches, and refused records again."""

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sluice.errors import SluiceError

MOST_RECORDS, MOST_BYTES, LONGEST = 500, 5 << 20, 1 << 20
"""Quotas of Kinesis: records and bytes of one PutRecords call, bytes of one record; with partition keys."""
TRIES = 12
LONGEST_PAUSE = 5.0


class StreamRefused(SluiceError):
    """The stream refused records, or there is none for them."""


Record = dict[str, Any]


def records(dataset: str, lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the PutRecords entry of each line that is not blank.

    The partition key names the dataset; equal records have equal keys. Raises StreamRefused for a line above 1 MiB.
    """
    for number, line in enumerate(lines, start=1):
        data = line.strip()
        if not data:
            continue
        key = f"{dataset}/{hashlib.sha256(data).hexdigest()[:16]}"
        if len(data) + len(key) > LONGEST:
            raise StreamRefused(f"line {number:,} has {len(data):,} bytes; a record of a stream may have {LONGEST:,}")
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
    """Send one batch until all of it is accepted; return how many records were sent again.

    Raises StreamRefused when some are refused TRIES times; an accepted record is not sent again.
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
    raise StreamRefused(f"{len(batch):,} records were refused {TRIES} times: {codes}")
