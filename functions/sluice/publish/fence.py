"""Writes to the lake that are rolled back when the run has lost its lease meanwhile.

Lambda's answer can be lost while the function goes on, and a call can stall for minutes. Meanwhile the run is
repeated or undone, and the run of a newer version may have finished. Checking the lease before the call does not
help, since it is the call that stalls. So every writer checks the lease before it writes, and again after it. A
writer that has lost the lease deletes the versions that it wrote, by version id, and the versions beneath are current
again. It touches no version of another writer: every later writer writes versions of its own, also where nothing
seems to have changed.

What remains possible: a query sees a late write between the write and the check that follows, for the length of a
call. The write stays, until the next version of the key is published or undone, when the process is killed in that
moment, or when S3 does the write and its answer is lost twice. S3 has no write that is conditional on an item in
DynamoDB, and its own conditions (If-Match, If-None-Match) do not distinguish a key that is absent from one that was
deleted again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import batched
from typing import Any

from sluice.errors import LeaseLost

_KEYS_OF_ONE_DELETE = 1000
"""What one DeleteObjects takes."""


class Fence:
    """Records every object version that is written to a bucket. held: returns whether the run still has the lease."""

    def __init__(self, s3: Any, bucket: str, held: Callable[[], bool]) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.held = held
        self._written: list[tuple[str, str]] = []

    def check(self) -> None:
        """Raise LeaseLost when the run has lost the lease."""
        if not self.held():
            raise LeaseLost(f"another run, or the undo of this one, holds the lease for s3://{self.bucket}")

    def written(self, key: str, version_id: str) -> str:
        """Record a written version, and return its id."""
        self._written.append((key, version_id))
        return version_id

    def add_delete_markers(self, keys: Sequence[str]) -> None:
        """Add a delete marker to each key; the lease is checked for every thousand."""
        for some in batched(keys, _KEYS_OF_ONE_DELETE, strict=False):
            self.check()
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in some]})
            for deleted in answer.get("Deleted", []):
                if deleted.get("DeleteMarker"):
                    self.written(deleted["Key"], deleted["DeleteMarkerVersionId"])
            if errors := answer.get("Errors"):
                raise OSError(f"S3 did not delete {len(errors)} objects, the first: {errors[0]}")

    def roll_back(self) -> None:
        """Delete every written version, the last first."""
        while self._written:
            key, version_id = self._written[-1]
            self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            self._written.pop()


@contextmanager
def fenced(s3: Any, bucket: str, held: Callable[[], bool]) -> Iterator[Fence]:
    """Yield a fence to write with. Raises LeaseLost, after rolling back what was written, when the lease is lost.

    The last statement must check the lease: `check`, or a write to the ledger under the same condition.
    """
    fence = Fence(s3, bucket, held)
    try:
        yield fence
    except LeaseLost:
        fence.roll_back()
        raise
    except Exception as error:
        if held():
            raise
        fence.roll_back()
        raise LeaseLost(f"lease lost, and then {type(error).__name__}: {error}") from error
