"""The batches of a file, judged or cleaned side by side and handed on in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from sluice.clean.batch import Cleaner
from sluice.clean.result import BatchResult, CleanBatch
from sluice.contract.model import Contract
from sluice.read.header import Header
from sluice.read.source import RawBatch

_THREADS = 3
"""Cleaning takes twice the time of reading and of putting aside, each of which has a thread too."""


def judged(
    contract: Contract, header: Header, batches: Iterable[RawBatch], parts: Mapping[str, str] | None = None
) -> Iterator[BatchResult]:
    """Yield what is to become of each batch of a file. parts: what the file's key captured.

    Raises what reading raises, and ContractInvalid when a check of the model cannot run.
    """
    yield from _each(contract, header, batches, parts, lambda batch: batch)


def cleaned(
    contract: Contract, header: Header, batches: Iterable[RawBatch], parts: Mapping[str, str] | None = None
) -> Iterator[CleanBatch]:
    """Yield what became of each batch of a file, to hold on to; as `judged`."""
    yield from _each(contract, header, batches, parts, lambda batch: batch.clean().on_its_own())


def _each[R](
    contract: Contract,
    header: Header,
    batches: Iterable[RawBatch],
    parts: Mapping[str, str] | None,
    then: Callable[[BatchResult], R],
) -> Iterator[R]:
    # The first batch is read meanwhile: forms and rules take as long to get ready as a third of a batch to clean.
    with ThreadPoolExecutor(1, thread_name_prefix="ready") as thread:
        cleaner = thread.submit(Cleaner, contract, parts)

        def work(raw: RawBatch) -> R:
            return then(cleaner.result().judge(header.select(contract, raw.rows), raw.malformed))

        yield from side_by_side(iter(batches), work, _THREADS)
        cleaner.result()  # tells what is wrong with a contract to a file without rows, too


def side_by_side[T, R](items: Iterator[T], work: Callable[[T], R], threads: int) -> Iterator[R]:
    """Yield what `work` makes of the items, in their order; raises what it raises. No more items than threads are held
    beside the caller's."""
    with ThreadPoolExecutor(threads, thread_name_prefix="beside") as pool:
        coming: deque[Future[R]] = deque()
        for item in items:
            coming.append(pool.submit(work, item))
            del item
            if len(coming) >= threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
