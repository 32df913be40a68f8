"""Iterates over the records of a CSV file as raw bytes, to change some records and copy all others unchanged.

The reader's rows do not have their bytes any more; here every byte of the file is read once, in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from sluice.contract.declarations import TextFormat
from sluice.errors import SluiceError
from sluice.read.compression import TextStream
from sluice.read.csv_grammar import Grammar
from sluice.read.encoding import refuse_other_than_text
from sluice.read.source import Limits


@dataclass(frozen=True)
class ScannedRecord:
    """One record or blank line. number: the reader's row number, 0 for the header, None for a blank line.

    raw: without its line end; ending: its line end, empty where the file's last line has none.
    fault: the check that the record fails, if any (its number of fields is not checked).
    """

    raw: bytes
    ending: bytes
    number: int | None
    fault: str | None = None


class CsvScanner:
    """Iterate once. `bom` is the byte order mark, if any; `compression` is none, gzip or zstd.

    Raises FileRejected as the reader does.
    """

    def __init__(self, stream: BinaryIO, text_format: TextFormat, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.grammar = grammar_of(text_format, limits)
        self._text = TextStream(stream, limits)
        self.compression = self._text.compression
        self._buffer, self._at, self._final = b"", 0, False
        while len(self._buffer) < limits.head_bytes and not self._final:
            self._fill()
        skip = refuse_other_than_text(self._buffer[: limits.head_bytes], self.grammar.encoding)
        self.bom, self._at = self._buffer[:skip], skip

    def __iter__(self) -> Iterator[ScannedRecord]:
        number = 0
        while self._at < len(self._buffer) or not self._final:
            record = self.grammar.next_record(self._buffer, self._at, self._final) if self._buffer else None
            if record is None:
                self._fill()
                continue
            raw = self._buffer[record.start : record.end]
            ending = self._buffer[record.end : record.next]
            self._at = record.next
            if record.blank:
                yield ScannedRecord(raw, ending, None)
            else:
                yield ScannedRecord(raw, ending, number, record.fault)
                number += 1

    def _fill(self) -> None:
        block = self._text.read()
        self._final = not block
        self._buffer = self._buffer[self._at :] + block
        self._at = 0


def grammar_of(text_format: TextFormat, limits: Limits | None = None) -> Grammar:
    """Return the grammar by which the reader reads files of a format."""
    limits = limits or Limits()
    plain = TextFormat(text_format.delimiter, text_format.quote, text_format.encoding)
    if replace(text_format, quoted_empty_is_text=False) != plain:
        raise SluiceError("files with an escape, trailing delimiters or lines above the header are not rewritten")
    return Grammar(text_format, limits.record_bytes)
