"""What a reader reads from, and what it gives: batches of rows, and facts about the file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import polars as pl


class Source(Protocol):
    """Where the bytes of a file come from."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def open(self) -> BinaryIO:
        """Return a new stream from the first byte."""


@dataclass(frozen=True)
class FileSource:
    """A file of this machine."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def open(self) -> BinaryIO:
        return self.path.open("rb")


@dataclass(frozen=True)
class RawBatch:
    """Some consecutive records of a file.

    rows: the header's columns in the file's order, all String, as written ("" for an empty field), then
        _row_number Int64 (the record's position after the header, from 1)
    malformed: _row_number Int64, _raw String (without its line end), _reason String (a check's name)
    """

    rows: pl.DataFrame
    malformed: pl.DataFrame

    @property
    def rows_in(self) -> int:
        return self.rows.height + self.malformed.height


@dataclass
class Facts:
    """What reading a file taught about it; the counts are complete after the last batch.

    encoding: codec name; bom: a UTF-8 mark was there; line_ending: lf, crlf, cr, mixed or none
    bytes_in: as stored; bytes_text: decompressed; quoted: a quote character was seen
    rows_in: records after the header; blank_lines are not among them; multiline_records are
    splits: for an uncompressed file, where reading can start: (byte offset, row number of the next record)
    """

    encoding: str
    delimiter: str
    compression: str = "none"
    bom: bool = False
    line_ending: str = "none"
    bytes_in: int = 0
    bytes_text: int = 0
    rows_in: int = 0
    malformed: int = 0
    blank_lines: int = 0
    multiline_records: int = 0
    quoted: bool = False
    splits: list[tuple[int, int]] = field(default_factory=list)
