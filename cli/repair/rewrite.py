"""Replaces rows of a file by corrected ones, and changes nothing else of it.

A replay publishes a file again with some of its rows corrected. Every other row keeps its bytes and its row number;
this is verified after writing: the new file is read again and compared, record by record.
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
from sluice.runtime.text import trimmed


class CannotRewrite(SluiceError):
    """The corrected rows do not fit into their file."""


@dataclass(frozen=True)
class CorrectedRow:
    """The new content of a row. cells: contract column → text, as in a file; raw: the whole row as one text.

    `raw` is used only when every cell is empty: a row that could not be split has no cells.
    """

    cells: Mapping[str, str]
    raw: str = ""


@dataclass(frozen=True)
class Rewritten:
    """rows: records of the file; changed, same: corrected rows that differ from the old row, and that do not."""

    rows: int
    changed: int
    same: int


def rewrite(contract: Contract, source: Source, corrected: Mapping[int, CorrectedRow], out: Path) -> Rewritten:
    """Write the source to `out` with the corrected rows, by row number, in the same compression.

    A masked cell (***) of a personal column keeps its value. Memory is bounded by the corrected rows and one record.
    Raises CannotRewrite when a row does not exist, or when other rows of the new file would be read differently;
    FileRejected when the file cannot be read.
    """
    if contract.reads_objects:
        raise CannotRewrite(
            f"{source.name} is JSON Lines: send the corrected records again, or correct the file itself"
        )
    with source.open() as stream:
        scanner = CsvScanner(stream, contract.reading.format)
        rewriter = _RowRewriter(contract, scanner.grammar, corrected)
        with _writer(out, scanner.compression) as write:
            write(scanner.bom)
            before = _Digest(corrected)
            for record in scanner:
                before.add(record)
                write(rewriter.rewrite(record) + record.ending)
    if missing := sorted(set(corrected) - rewriter.found):
        raise CannotRewrite(f"{source.name} has {before.rows:,} rows, there is no row {missing[0]:,}")
    with out.open("rb") as stream:
        after = _Digest(corrected)
        for record in CsvScanner(stream, contract.reading.format):
            after.add(record)
    if (before.rows, before.digest) != (after.rows, after.digest):
        raise CannotRewrite(
            f"{source.name}: with the corrected rows other rows would be read differently "
            "(a quote or line end among them?); correct the file itself and upload it"
        )
    return Rewritten(before.rows, rewriter.changed, len(rewriter.found) - rewriter.changed)


class _Digest:
    """Digest of all rows except the corrected ones, and the number of rows."""

    def __init__(self, corrected: Mapping[int, CorrectedRow]) -> None:
        self._corrected = corrected
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, record: ScannedRecord) -> None:
        if record.number is None:
            return
        self.rows = record.number
        if record.number in self._corrected:
            return
        self._hash.update(b"%d:%d:" % (record.number, len(record.raw)))
        self._hash.update(record.raw)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class _RowRewriter:
    """Writes corrected rows in the columns and the format of the file."""

    def __init__(self, contract: Contract, grammar: Grammar, corrected: Mapping[int, CorrectedRow]) -> None:
        self._contract = contract
        self._grammar = grammar
        self._corrected = corrected
        self._columns: list[str] = []
        self._positions: dict[str, int] = {}
        self.found: set[int] = set()
        self.changed = 0

    def rewrite(self, record: ScannedRecord) -> bytes:
        """Return the record for the new file, without its line end."""
        if record.number == 0:
            self._read_header(record.raw)
        if record.number is None or record.number not in self._corrected:
            return record.raw
        self.found.add(record.number)
        new = self._rewritten(record, self._corrected[record.number])
        self.changed += new != record.raw
        return new

    def _read_header(self, raw: bytes) -> None:
        numbers = [str(number) for number in range(self._grammar.count_fields(raw))]
        names = [trimmed(name) for name in self._split(raw, numbers)]
        self._positions = match_header(self._contract, names).positions
        self._columns = column_names(names)

    def _rewritten(self, record: ScannedRecord, row: CorrectedRow) -> bytes:
        if not any(row.cells.values()):
            return record.raw if row.raw in ("", MASK, self._grammar.show(record.raw)) else self._encoded(row.raw)
        intact = self._grammar.fault(self._record(record), record.raw, len(self._columns)) is None
        cells = self._split(record.raw, self._columns) if intact else [""] * len(self._columns)
        new = list(cells)
        for name, position in self._positions.items():
            text = row.cells.get(name, new[position])
            if not (text == MASK and name in self._contract.personal):
                new[position] = text
        return record.raw if intact and new == cells else self._joined(new)

    @staticmethod
    def _record(scanned: ScannedRecord) -> Record:
        return Record(0, len(scanned.raw), len(scanned.raw), scanned.fault)

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
def _writer(out: Path, compression: str) -> Iterator[Callable[[bytes], object]]:
    """Yield the write function of a file in this compression."""
    with out.open("wb") as plain:
        if compression == "none":
            yield plain.write
            return
        packed = (
            gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) if compression == "gzip" else zstd.ZstdFile(plain, "wb")
        )
        with cast(BinaryIO, packed) as file:
            yield file.write
