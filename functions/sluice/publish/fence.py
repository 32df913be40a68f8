"""Lets a function that may have been given up for dead change the lake without harm to those who came after it.

Lambda's answer can be lost while the function goes on, and a call can stall for minutes: meanwhile the run is
repeated or undone, and a newer version's run may have come to its end. A look at the ledger before the call does
not help, since it is the call that stalls. So every writer asks the ledger before it writes, and again after it;
who has lost the right to write takes what it wrote off again, by version id, and what stood beneath is current as
if nothing had been. Nobody else's version is ever touched: everyone who writes later writes versions of their own,
also where there seems to be nothing left to do.

What remains possible: between a late write and the look that follows it readers see it, for the length of a call;
and it stays, until the next version of the key is published or undone, when the process is killed in just that
moment, or when S3 does the write and loses the answer twice over. S3 has no write that is conditional on an item in
DynamoDB, and its own conditions (If-Match, If-None-Match) cannot tell a key that is absent from one that is absent
again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import batched
from typing import Any

from sluice.errors import LeaseLost

_KEYS_OF_ONE_DELETE = 1000
"""What one DeleteObjects takes."""


class Fence:
    """Remembers every object version that was made in a bucket. held: whether the ledger still lets us write."""

    def __init__(self, s3: Any, bucket: str, held: Callable[[], bool]) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.held = held
        self._made: list[tuple[str, str]] = []

    def check(self) -> None:
        """Raise LeaseLost when nothing may be written any more."""
        if not self.held():
            raise LeaseLost(f"another run, or the undoing of this one, has taken over s3://{self.bucket}")

    def made(self, key: str, version_id: str) -> str:
        """Remember a version, and return its id."""
        self._made.append((key, version_id))
        return version_id

    def hide(self, keys: Sequence[str]) -> None:
        """Lay a delete marker upon each key, after a look at the ledger for every thousand."""
        for some in batched(keys, _KEYS_OF_ONE_DELETE, strict=False):
            self.check()
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in some]})
            for deleted in answer.get("Deleted", []):
                if deleted.get("DeleteMarker"):
                    self.made(deleted["Key"], deleted["DeleteMarkerVersionId"])
            if errors := answer.get("Errors"):
                raise OSError(f"S3 kept {len(errors)} objects, the first: {errors[0]}")

    def take_back(self) -> None:
        """Remove all that was made, the last first."""
        while self._made:
            key, version_id = self._made[-1]
            self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)
            self._made.pop()


@contextmanager
def fenced(s3: Any, bucket: str, held: Callable[[], bool]) -> Iterator[Fence]:
    """Give a fence to write behind. Raises LeaseLost, with nothing left of what was written, when the right is lost.

    The last that is done behind it must be a look at the ledger: `check`, or a write under the same condition.
    """
    fence = Fence(s3, bucket, held)
    try:
        yield fence
    except LeaseLost:
        fence.take_back()
        raise
    except Exception as error:
        if held():
            raise
        fence.take_back()
        raise LeaseLost(f"given up, and then {type(error).__name__}: {error}") from error
