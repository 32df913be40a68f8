"""Validates or cleans the batches of a file in parallel, in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from sluice.clean.batch import Cleaner
from sluice.clean.result import BatchResult, CleanBatch
from sluice.contract.model import Contract
from sluice.read.header import Header
from sluice.read.source import RawBatch

_THREADS = 3
"""Cleaning takes twice the time of reading, which has a thread of its own, and of the caller's work."""


def validated(
    contract: Contract, header: Header, batches: Iterable[RawBatch], parts: Mapping[str, str] | None = None
) -> Iterator[BatchResult]:
    """Yield the outcome of each batch of a file. parts: what the file's key captured.

    Raises what reading raises, and ContractInvalid when a check of the model cannot run.
    """
    yield from _each(contract, header, batches, parts, lambda batch: batch)


def cleaned(
    contract: Contract, header: Header, batches: Iterable[RawBatch], parts: Mapping[str, str] | None = None
) -> Iterator[CleanBatch]:
    """Yield the rows of each batch of a file, in memory of their own; as `validated`."""
    yield from _each(contract, header, batches, parts, lambda batch: batch.clean().on_its_own())


def _each[R](
    contract: Contract,
    header: Header,
    batches: Iterable[RawBatch],
    parts: Mapping[str, str] | None,
    then: Callable[[BatchResult], R],
) -> Iterator[R]:
    # The first batch is read meanwhile: making a cleaner takes a third of the time of a batch.
    with ThreadPoolExecutor(1, thread_name_prefix="cleaner") as thread:
        cleaner = thread.submit(Cleaner, contract, parts)

        def work(raw: RawBatch) -> R:
            return then(cleaner.result().validate(header.select(contract, raw.rows), raw.malformed))

        yield from in_parallel(iter(batches), work, _THREADS)
        cleaner.result()  # raises for a file without rows, too


def in_parallel[T, R](items: Iterator[T], work: Callable[[T], R], threads: int) -> Iterator[R]:
    """Yield what `work` returns for the items, in their order; raises what it raises. At most `threads` items are held
    besides the caller's."""
    with ThreadPoolExecutor(threads, thread_name_prefix="parallel") as pool:
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(pool.submit(work, item))
            del item
            if len(pending) >= threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
