"""Opens a file as its contract says it is written."""

from sluice.contract.model import Contract
from sluice.read.csv_reader import BATCH_ROWS, Reader
from sluice.read.jsonl_reader import JsonReader
from sluice.read.source import Limits, Source

FileReader = Reader | JsonReader


def open_reader(
    contract: Contract, source: Source, batch_rows: int = BATCH_ROWS, limits: Limits | None = None
) -> FileReader:
    """Return the reader of a file. Raises FileRejected as the readers do."""
    if contract.reads_objects:
        return JsonReader(contract, source, batch_rows, limits)
    return Reader(source, contract.reading.format, batch_rows, limits)
