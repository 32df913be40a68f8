"""What a reader reads, and what it returns: batches of rows, and facts about the file."""

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
    """Facts about a file; the counts are complete after the last batch.

    encoding: codec name; bom: a UTF-8 mark was there; line_ending: lf, crlf, cr, mixed or none
    header_ending: the line end of the header
    bytes_in: as stored; bytes_text: decompressed; quoted: a quote character was seen
    rows_in: records after the header; blank_lines are not among them; multiline_records are
    splits: for an uncompressed file, where reading can start: (byte offset, row number of the next record)
    """

    encoding: str
    delimiter: str
    compression: str = "none"
    bom: bool = False
    line_ending: str = "none"
    header_ending: str = "none"
    bytes_in: int = 0
    bytes_text: int = 0
    rows_in: int = 0
    malformed: int = 0
    blank_lines: int = 0
    multiline_records: int = 0
    quoted: bool = False
    splits: list[tuple[int, int]] = field(default_factory=list)


MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes unless named otherwise.

    A bomb is a file whose text is more than `bomb_ratio` times its compressed size once it is past
    `bomb_bytes` (gzip cannot exceed about 1,030 times; real CSV files stay below 50 times).
    """

    record_bytes: int = 16 * MIB
    columns: int = 2_000
    bomb_ratio: int = 250
    bomb_bytes: int = 256 * MIB
    batch_bytes: int = 32 * MIB
    head_bytes: int = 64 << 10
    read_bytes: int = 1 * MIB
    split_bytes: int = 64 * MIB
