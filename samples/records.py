"""Splits a CSV into records one line at a time: the plain definition of a record, to hold the reader against.

A field is quoted when it starts with a quote right after the delimiter; inside, "" is a quote and a line end
is text; the closing quote stands right before a delimiter or the record's end. Anything else about a quote is
damage, and so is a number of fields that is not the header's. Records end at LF, CRLF or CR; blank lines are none.
A record whose line end is another than the header's is cut off when the line after it is damage.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from pathlib import Path

BLOCK_BYTES = 1 << 20
LONGEST_RECORD_BYTES = 16 << 20


@dataclass(frozen=True)
class Record:
    """One record: its `fields`, or, when it cannot be split, its `raw` text and the `reason`."""

    row_number: int
    raw: str
    fields: list[str]
    reason: str | None = None


@dataclass(frozen=True)
class _Found:
    """A record as it stands in the file: its text, the line end after it, and whether a blank line is before it."""

    record: Record
    text: bytes
    end: bytes
    after_blank: bool

    def ends_otherwise(self, newline: bytes) -> bool:
        return bool(newline and self.end and self.end != newline and not self.record.reason)

    def cut_off(self) -> "_Found":
        raw = self.text.decode("utf-8", "backslashreplace")
        return replace(self, record=Record(self.record.row_number, raw, [], "row_has_quoted_line_ends"))


@dataclass(frozen=True)
class _Line:
    """A physical line: its text and the line end that follows it."""

    text: bytes
    end: bytes


def read_records(path: Path) -> tuple[list[str], Iterator[Record]]:
    """The header's names, trimmed, and the records after it, numbered from 1, in the file's order."""
    lines = _Lines(path)
    header = next(_records(lines, columns=None))
    names = [name.strip() for name in header.record.fields]
    return names, _whole(_records(lines, columns=len(names)), header.end)


class _Lines:
    """The lines of a file, with as many lines of look-ahead as are asked for."""

    def __init__(self, path: Path) -> None:
        self._source = _physical_lines(path)
        self._ahead: deque[_Line] = deque()

    def take(self) -> _Line | None:
        if self._ahead:
            return self._ahead.popleft()
        return next(self._source, None)

    def peek(self, number: int) -> _Line | None:
        """The line `number` lines after the next one (0 is the next)."""
        self._ahead.extend(islice(self._source, number + 1 - len(self._ahead)))
        return self._ahead[number] if number < len(self._ahead) else None


def _physical_lines(path: Path) -> Iterator[_Line]:
    with path.open("rb") as file:
        rest = file.read(3).removeprefix(b"\xef\xbb\xbf")
        while True:
            block = file.read(BLOCK_BYTES)
            lines = (rest + block).splitlines(keepends=True)
            # The last piece may go on in the next block, and a CR at its end may be half of a CRLF.
            rest = lines.pop() if lines and block else b""
            for line in lines:
                text = line.rstrip(b"\r\n") if line.endswith((b"\n", b"\r")) else line
                yield _Line(text, line[len(text) :])
            if not block:
                return


def _whole(records: Iterator[_Found], newline: bytes) -> Iterator[Record]:
    """The records; those that a line end in a cell has cut off are damage, as is the rest that follows them."""
    last = _Found(Record(0, "", []), b"", b"", after_blank=False)
    for before, found in pairwise(chain(records, [last])):
        rest_follows = found.record.reason and not found.after_blank
        yield (before.cut_off() if before.ends_otherwise(newline) and rest_follows else before).record


def _records(lines: _Lines, columns: int | None) -> Iterator[_Found]:
    row_number, after_blank = 0, False
    while (line := lines.take()) is not None:
        if not line.text.strip(b" "):
            after_blank = True
            continue
        row_number += 1
        text, end = line.text, line.end
        split = _split(text)
        if split == "row_has_closed_quotes":
            text, end, split = _over_several_lines(line, lines)
        yield _Found(_judged(row_number, text, split, columns), text, end, after_blank)
        after_blank = False
        if columns is None:
            return


def _judged(row_number: int, text: bytes, split: list[str] | str, columns: int | None) -> Record:
    reason = _unreadable(text) or (split if isinstance(split, str) else _uneven(len(split), columns))
    if reason:
        return Record(row_number, text.decode("utf-8", "backslashreplace"), [], reason)
    return Record(row_number, "", list(split))


def _unreadable(text: bytes) -> str | None:
    try:
        text.decode()
    except UnicodeDecodeError:
        return "row_is_utf_8"
    return "row_has_no_nul" if b"\0" in text else None


def _uneven(fields: int, columns: int | None) -> str | None:
    if columns is None or fields == columns:
        return None
    return "row_has_every_field" if fields < columns else "row_has_no_extra_field"


def _over_several_lines(first: _Line, lines: _Lines) -> tuple[bytes, bytes, list[str] | str]:
    """The record that begins with `first` and goes on, if it does: else the first line alone is damaged."""
    pieces = [first.text, first.end]
    size = len(first.text) + len(first.end)
    ahead = 0
    while (line := lines.peek(ahead)) is not None and size <= LONGEST_RECORD_BYTES:
        ahead += 1
        pieces.append(line.text)
        if b'"' in line.text:
            split = _split(b"".join(pieces))
            if isinstance(split, list):
                for _ in range(ahead):
                    lines.take()
                return b"".join(pieces), line.end, split
            if split == "row_has_well_formed_quotes":
                break
        pieces.append(line.end)
        size += len(line.text) + len(line.end)
    return first.text, first.end, "row_has_closed_quotes"


def _split(record: bytes) -> list[str] | str:
    """The fields of a record, or the name of what is wrong with its quotes."""
    try:
        text = record.decode()
    except UnicodeDecodeError:
        # Where a record ends does not depend on its letters, and Latin-1 knows every byte.
        text = record.decode("latin-1")
    return _fields(text) if '"' in text else text.split(",")


def _fields(text: str) -> list[str] | str:
    fields = []
    at = 0
    while True:
        if text.startswith('"', at):
            close = _closing_quote(text, at + 1)
            if close < 0:
                return "row_has_closed_quotes"
            if text[close + 1 : close + 2] not in (",", ""):
                return "row_has_well_formed_quotes"
            fields.append(text[at + 1 : close].replace('""', '"'))
            at = close + 1
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            if '"' in text[at:end]:
                return "row_has_well_formed_quotes"
            fields.append(text[at:end])
            at = end
        if at == len(text):
            return fields
        at += 1


def _closing_quote(text: str, at: int) -> int:
    while (at := text.find('"', at)) >= 0:
        if text[at + 1 : at + 2] != '"':
            return at
        at += 2
    return -1
