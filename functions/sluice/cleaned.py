"""The batches of a file, cleaned side by side and handed on in their order."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from sluice.ahead import side_by_side
from sluice.batch import CleanBatch, Cleaner
from sluice.contract import Contract
from sluice.header import Header
from sluice.source import RawBatch

_THREADS = 3
"""Cleaning takes twice the time of reading and of putting aside, each of which has a thread too."""


def cleaned(
    contract: Contract, header: Header, batches: Iterable[RawBatch], parts: Mapping[str, str] | None = None
) -> Iterator[CleanBatch]:
    """Yield what became of each batch of a file. parts: what the file's key captured.

    Raises what reading raises, and ContractInvalid when a check of the model cannot run.
    """
    # The first batch is read meanwhile: forms and rules take as long to get ready as a third of a batch to clean.
    with ThreadPoolExecutor(1, thread_name_prefix="ready") as thread:
        cleaner = thread.submit(Cleaner, contract, parts)

        def clean(raw: RawBatch) -> CleanBatch:
            return cleaner.result().clean(header.select(contract, raw.rows), raw.malformed)

        yield from side_by_side(iter(batches), clean, _THREADS)
        cleaner.result()  # tells what is wrong with a contract to a file without rows, too
