"""A source that is read more than once: each iteration is a pass of its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self

from sluice.read.source import Facts, RawBatch


class Pass(Protocol):
    """One reading of a source's bytes."""

    facts: Facts

    def read_head(self) -> None:
        """Read up to the first record. Raises FileRejected."""

    def batches(self) -> Iterator[RawBatch]:
        """Read the records. Raises FileRejected."""

    def close(self) -> None:
        """Close the stream."""


class Rereadable[P: Pass](ABC):
    """The records of a source. The constructor reads the head, so that an unreadable file is rejected at once. The
    first iteration continues from there, every further one reads the source again. `facts` are those of the latest
    pass.
    Close it, or use `with`, when not iterating to the end.
    """

    facts: Facts
    _pass: P | None = None

    @abstractmethod
    def _new_pass(self) -> P:
        """Return a pass that has read nothing yet."""

    def _begin(self) -> P:
        started = self._new_pass()
        self.facts = started.facts
        try:
            started.read_head()
        except BaseException:
            started.close()
            raise
        self._pass = started
        return started

    def __iter__(self) -> Iterator[RawBatch]:
        current, self._pass = self._pass or self._begin(), None
        try:
            yield from prefetched(current.batches())
        finally:
            current.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream that was opened for the head, if no iteration has taken it."""
        if self._pass is not None:
            self._pass.close()
            self._pass = None


def prefetched[T](items: Iterator[T]) -> Iterator[T]:
    """Yield the items; the next one is made in a thread while the caller works. Raises what making one raises."""
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item
            del item
