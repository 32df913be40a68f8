"""The exact grammar of CSV records: where a record ends, and why one is malformed.

A record ends at LF, CRLF or CR outside quotes. A field is quoted when the quote is its first and its last
character; a doubled quote inside is a quote. Lines of nothing but spaces are no records. A record that
breaks these rules is its first line only: reading goes on at the next line.
"""

import re
from dataclasses import dataclass

from sluice.contract.declarations import TextFormat
from sluice.contract.reading_problems import codec_name
from sluice.errors import FileRejected
from sluice.read.encoding import check_name

WELL_FORMED_QUOTES = "row_has_well_formed_quotes"
CLOSED_QUOTES = "row_has_closed_quotes"
EVERY_FIELD = "row_has_every_field"
NO_EXTRA_FIELD = "row_has_no_extra_field"
NO_NUL = "row_has_no_nul"
QUOTED_LINE_ENDS = "row_has_quoted_line_ends"

_LINE = re.compile(rb"[^\r\n]*+")
_BLANK = re.compile(rb" *+")


@dataclass(frozen=True)
class Record:
    """One record of a buffer: its text is buffer[start:end], the next record starts at `next`."""

    start: int
    end: int
    next: int
    fault: str | None = None
    multiline: bool = False
    blank: bool = False


class Grammar:
    """The record grammar of one text format, over bytes in which quotes are doubled, not escaped."""

    def __init__(self, text_format: TextFormat, record_bytes: int) -> None:
        delimiter, quote, encoding = text_format.delimiter, text_format.quote, codec_name(text_format.encoding)
        for name, mark in (("delimiter", delimiter), ("quote", quote), ("escape", text_format.escape or "\\")):
            if len(mark) != 1 or not mark.isascii() or mark in "\r\n\0 ":
                raise ValueError(f"{name} must be an ASCII character, no line end, space or NUL: {mark!r}")
        if len({delimiter, quote, text_format.escape}) < 3:
            raise ValueError("delimiter, quote and escape must differ")
        if text_format.skip_lines < 0:
            raise ValueError("skip_lines counts the lines above the header")
        self.delimiter, self.quote = delimiter.encode(), quote.encode()
        self.encoding = encoding
        self.text_format = text_format
        self.record_bytes = record_bytes
        # \xNN means the same to Python's and to Polars' regular expressions, in and out of brackets.
        d, q = f"\\x{ord(delimiter):02x}", f"\\x{ord(quote):02x}"
        self._field = f"(?:[^{d}{q}\r\n]*|{q}(?:[^{q}]|{q}{q})*{q})"
        self._separator = d
        self.quoted_pattern = f"{q}(?:[^{q}]|{q}{q})*{q}"
        quoted = f"{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}"
        plain = f"[^{d}{q}\r\n]*+"
        self._quoted = re.compile(quoted.encode())
        self._plain = re.compile(plain.encode())
        before_last = f"(?:(?:{quoted}|{plain}){d})*+"
        self._fields_before_last = re.compile(before_last.encode())
        self._record = re.compile(f"{before_last}(?:{quoted}|{plain})(?=[\r\n])".encode())

    def line_pattern(self, fields: int | None) -> str:
        """A Polars pattern of a line that is one well-formed record (with that many fields)."""
        count = "*" if fields is None else f"{{{fields - 1}}}"
        return rf"\A{self._field}(?:{self._separator}{self._field}){count}\r?\z"

    def next_record(self, buffer: bytes, start: int, final: bool) -> Record | None:
        """Return the record that starts at `start`, or None when the buffer must grow first.

        final: nothing follows the buffer. The fault is one of its quotes only: see `fault`.
        Raises FileRejected: file_has_records_under_16_mib.
        """
        if sound := self._sound_record(buffer, start):
            return self._ended(sound, buffer, final)
        blank = _end(_BLANK, buffer, start)
        short = len(buffer) - start <= self.record_bytes
        if blank == len(buffer) and short and not final:
            return None
        if blank == len(buffer) or buffer[blank] in b"\r\n":
            return self._ended(Record(start, blank, blank, blank=True), buffer, final)
        end, fault = self._strict_end(buffer, start, final)
        if end is None and fault is None and short:
            return None
        line = _end(_LINE, buffer, start)
        if end is not None and end - start <= self.record_bytes:
            return self._ended(Record(start, end, end, multiline=line < end), buffer, final)
        if line - start > self.record_bytes:
            raise self._too_long()
        if line == len(buffer) and not final:
            return None
        kind = WELL_FORMED_QUOTES if fault is not None and fault < line else CLOSED_QUOTES
        return self._ended(Record(start, line, line, kind), buffer, final)

    def fault(self, record: Record, raw: bytes, fields: int) -> str | None:
        """The check that a record fails, if any; raw: its bytes."""
        if fault := self.text_fault(raw) or record.fault:
            return fault
        found = self.count_fields(raw)
        if found == fields:
            return None
        return EVERY_FIELD if found < fields else NO_EXTRA_FIELD

    def text_fault(self, raw: bytes) -> str | None:
        """The check that a record's characters fail, if any."""
        try:
            raw.decode(self.encoding)
        except UnicodeDecodeError:
            return f"row_{check_name(self.encoding)}"
        return NO_NUL if b"\0" in raw else None

    def count_fields(self, raw: bytes) -> int:
        """How many fields a well-formed record has."""
        plain = self._quoted.sub(b"", raw) if self.quote in raw else raw
        return plain.count(self.delimiter) + 1

    def show(self, raw: bytes) -> str:
        r"""A record as text; bytes that the encoding lacks are shown as \xNN."""
        return raw.decode(self.encoding, "backslashreplace")

    def _sound_record(self, buffer: bytes, start: int) -> Record | None:
        """The record, if one match finds it well-formed: the most frequent case."""
        found = self._record.match(buffer, start)
        if found is None or buffer[start] in b" \r\n" or found.end() - start > self.record_bytes:
            return None
        end = found.end()
        multiline = buffer.find(b"\n", start, end) >= 0 or buffer.find(b"\r", start, end) >= 0
        return Record(start, end, end, multiline=multiline)

    def _strict_end(self, buffer: bytes, start: int, final: bool) -> tuple[int | None, int | None]:
        """Where the record ends if it is well-formed, else where it breaks the grammar; neither: not known yet."""
        at = _end(self._fields_before_last, buffer, start)
        if buffer.startswith(self.quote, at):
            closed = self._quoted.match(buffer, at)
            if closed is None:
                return None, len(buffer) if final else None
            at = closed.end()
        else:
            at = _end(self._plain, buffer, at)
        if at == len(buffer):
            return (at, None) if final else (None, None)
        return (at, None) if buffer[at] in b"\r\n" else (None, at)

    def _ended(self, record: Record, buffer: bytes, final: bool) -> Record | None:
        """The record with its line end, or None when that may go on behind the buffer."""
        end = record.end
        if end - record.start > self.record_bytes:
            raise self._too_long()
        if buffer.startswith(b"\r", end):
            if end + 1 == len(buffer) and not final:
                return None
            after = end + 2 if buffer.startswith(b"\n", end + 1) else end + 1
        else:
            after = min(end + 1, len(buffer))
        return Record(record.start, end, after, record.fault, record.multiline, record.blank)

    def _too_long(self) -> FileRejected:
        return FileRejected(
            "file_has_records_under_16_mib",
            f"a record is longer than {self.record_bytes:,} bytes. Is its line end missing, or the delimiter "
            "or quote another than declared?",
        )


def _end(pattern: re.Pattern[bytes], buffer: bytes, start: int) -> int:
    """Where a pattern that always matches stops."""
    found = pattern.match(buffer, start)
    if found is None:
        raise AssertionError(f"{pattern.pattern!r} must match everywhere")
    return found.end()
