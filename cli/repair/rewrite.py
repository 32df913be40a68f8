"""Puts mended rows back into the places of a file that they came from, and changes nothing else of it.

A replay publishes a file again with some of its rows corrected. Every other row keeps its bytes and its row number,
which is proved after writing: the new file is read again and compared, record by record.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from backports import zstd

from cli.repair.csv_scanner import CsvScanner, ScannedRecord
from sluice.contract.declarations import MASK
from sluice.contract.model import Contract
from sluice.errors import SluiceError
from sluice.read.csv_grammar import Grammar, Record
from sluice.read.csv_parser import column_names, parse_records
from sluice.read.header import match_header
from sluice.read.source import Source


class CannotRewrite(SluiceError):
    """Mended rows do not fit into the file that they are said to come from."""


@dataclass(frozen=True)
class CorrectedRow:
    """What a row shall say. cells: contract column → text, as a file writes it; raw: the whole row as one text.

    The text counts only when every cell is empty: a row that could not be split has no cells.
    """

    cells: Mapping[str, str]
    raw: str = ""


@dataclass(frozen=True)
class Rewritten:
    """rows: records of the file; changed, same: mended rows that differ from what stood there, and that do not."""

    rows: int
    changed: int
    same: int


def rewrite(contract: Contract, source: Source, mended: Mapping[int, CorrectedRow], out: Path) -> Rewritten:
    """Write the source to `out` with the mended rows in their places, by row number; compressed as it was.

    A cell that is masked (***) because its column is personal keeps what the file says. RunHistory is bounded by the
    mended rows and a record.
    Raises CannotRewrite when a row is not there, or when the new file would not be read as before in all other rows;
    FileRejected when the file cannot be read.
    """
    if contract.reads_objects:
        raise CannotRewrite(f"{source.name} is JSON Lines: send the mended records again, or correct the file itself")
    with source.open() as stream:
        walk = CsvScanner(stream, contract.reading.format)
        pen = _RowRewriter(contract, walk.grammar, mended)
        with _written(out, walk.compression) as write:
            write(walk.mark)
            before = _Proof(mended)
            for record in walk:
                before.add(record)
                write(pen.written(record) + record.ending)
    if lost := sorted(set(mended) - pen.met):
        raise CannotRewrite(f"{source.name} has {before.rows:,} rows, there is no row {lost[0]:,}")
    with out.open("rb") as stream:
        after = _Proof(mended)
        for record in CsvScanner(stream, contract.reading.format):
            after.add(record)
    if (before.rows, before.digest) != (after.rows, after.digest):
        raise CannotRewrite(
            f"{source.name}: with the mended rows the file would be read otherwise in other rows too "
            "(a quote or line end among them?); correct the file itself and upload it"
        )
    return Rewritten(before.rows, pen.changed, len(pen.met) - pen.changed)


class _Proof:
    """What is read of a file outside of the mended rows, and how many rows there are."""

    def __init__(self, mended: Mapping[int, CorrectedRow]) -> None:
        self._mended = mended
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, record: ScannedRecord) -> None:
        if record.number is None:
            return
        self.rows = record.number
        if record.number in self._mended:
            return
        self._hash.update(b"%d:%d:" % (record.number, len(record.raw)))
        self._hash.update(record.raw)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class _RowRewriter:
    """Writes mended rows in the columns and the format of the file."""

    def __init__(self, contract: Contract, grammar: Grammar, mended: Mapping[int, CorrectedRow]) -> None:
        self._contract = contract
        self._grammar = grammar
        self._mended = mended
        self._columns: list[str] = []
        self._positions: dict[str, int] = {}
        self.met: set[int] = set()
        self.changed = 0

    def written(self, record: ScannedRecord) -> bytes:
        """Return the record as it shall stand in the file, without its line end."""
        if record.number == 0:
            self._read_header(record.raw)
        if record.number is None or record.number not in self._mended:
            return record.raw
        self.met.add(record.number)
        new = self._rewritten(record, self._mended[record.number])
        self.changed += new != record.raw
        return new

    def _read_header(self, raw: bytes) -> None:
        places = [str(place) for place in range(self._grammar.count_fields(raw))]
        names = [name.strip() for name in self._split(raw, places)]
        self._positions = match_header(self._contract, names).positions
        self._columns = column_names(names)

    def _rewritten(self, record: ScannedRecord, row: CorrectedRow) -> bytes:
        if not any(row.cells.values()):
            return record.raw if row.raw in ("", MASK, self._grammar.show(record.raw)) else self._encoded(row.raw)
        sound = self._grammar.fault(self._record(record), record.raw, len(self._columns)) is None
        cells = self._split(record.raw, self._columns) if sound else [""] * len(self._columns)
        new = list(cells)
        for name, place in self._positions.items():
            text = row.cells.get(name, new[place])
            if not (text == MASK and name in self._contract.personal):
                new[place] = text
        return record.raw if sound and new == cells else self._joined(new)

    @staticmethod
    def _record(walked: ScannedRecord) -> Record:
        return Record(0, len(walked.raw), len(walked.raw), walked.fault)

    def _split(self, raw: bytes, columns: list[str]) -> list[str]:
        text = raw.decode(self._grammar.encoding).encode() + b"\n"
        return list(parse_records(text, columns, self._grammar).row(0))

    def _joined(self, cells: list[str]) -> bytes:
        grammar = self._grammar
        quote, special = grammar.quote.decode(), {grammar.delimiter.decode(), grammar.quote.decode(), "\r", "\n"}
        quoted = [
            f"{quote}{cell.replace(quote, quote * 2)}{quote}" if special & set(cell) or len(cells) == 1 else cell
            for cell in cells
        ]
        return self._encoded(grammar.delimiter.decode().join(quoted))

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode(self._grammar.encoding)
        except UnicodeEncodeError as error:
            wrong = text[error.start : error.end]
            raise CannotRewrite(f"the file is {self._grammar.encoding}, which cannot write {wrong!r}") from error


@contextmanager
def _written(out: Path, compression: str) -> Iterator[Callable[[bytes], object]]:
    """Give what writes bytes to a file, compressed as told."""
    with out.open("wb") as plain:
        if compression == "none":
            yield plain.write
            return
        packed = (
            gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) if compression == "gzip" else zstd.ZstdFile(plain, "wb")
        )
        with cast(BinaryIO, packed) as file:
            yield file.write
