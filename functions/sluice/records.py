"""Splits CSV bytes into records exactly: what is a record, where it ends, and why one cannot be believed.

A record ends at LF, CRLF or CR outside quotes. A field is quoted when the quote is its first and its last
character; a doubled quote inside is a quote. Lines of nothing but spaces are no records. A record that
breaks these rules is its first line only: reading goes on at the next line.
"""

import re
from dataclasses import dataclass, field

from sluice.encoding import check_name
from sluice.errors import FileRejected

_LINE = re.compile(rb"[^\r\n]*+")
_BLANK = re.compile(rb" *+")

WELL_FORMED_QUOTES = "row_has_well_formed_quotes"
CLOSED_QUOTES = "row_has_closed_quotes"
EVERY_FIELD = "row_has_every_field"
NO_EXTRA_FIELD = "row_has_no_extra_field"
NO_NUL = "row_has_no_nul"


@dataclass(frozen=True)
class Record:
    """One record of a buffer: its text is buffer[start:end], the next record starts at `next`."""

    start: int
    end: int
    next: int
    reason: str | None
    multiline: bool = False
    blank: bool = False


@dataclass(frozen=True)
class Malformed:
    """A record that cannot be split: its place among the records of its piece, its text, the failed check."""

    index: int
    raw: bytes
    reason: str


@dataclass
class Piece:
    """What a buffer holds.

    consumed: bytes up to the last record that is certainly complete
    good: the well-formed records in order, each ended by a line end, as bytes of the file's encoding
    records: how many there are, malformed ones included; multiline: how many of them span lines
    endings: which of b"\\n", b"\\r\\n", b"\\r" ended a record or a blank line
    """

    consumed: int = 0
    good: bytes = b""
    records: int = 0
    multiline: int = 0
    blank_lines: int = 0
    malformed: list[Malformed] = field(default_factory=list)
    endings: set[bytes] = field(default_factory=set)


class Grammar:
    """The record grammar of one delimiter and quote."""

    def __init__(self, delimiter: str, quote: str, encoding: str, record_bytes: int) -> None:
        for name, mark in (("delimiter", delimiter), ("quote", quote)):
            if len(mark) != 1 or not mark.isascii() or mark in "\r\n\0 ":
                raise ValueError(
                    f"{name} must be one ASCII character, and no line end, space or NUL: {mark!r}"
                )
        if delimiter == quote:
            raise ValueError("delimiter and quote must differ")
        self.delimiter, self.quote = delimiter.encode(), quote.encode()
        self.encoding = encoding
        self.record_bytes = record_bytes
        d, q = re.escape(self.delimiter), re.escape(self.quote)
        quoted = q + rb"[^" + q + rb"]*+(?:" + q + q + rb"[^" + q + rb"]*+)*+" + q
        plain = rb"[^" + d + q + rb"\r\n]*+"
        self._quoted = re.compile(quoted)
        self._plain = re.compile(plain)
        self._fields_before_last = re.compile(rb"(?:(?:" + quoted + rb"|" + plain + rb")" + d + rb")*+")

    def next_record(self, buffer: bytes, start: int, final: bool) -> Record | None:
        """Return the record that starts at `start`, or None when the buffer must grow to tell.

        final: nothing follows the buffer.
        Raises FileRejected: file_has_records_under_16_mib.
        """
        blank = _BLANK.match(buffer, start)
        assert blank is not None
        if blank.end() == len(buffer) and not final and len(buffer) - start <= self.record_bytes:
            return None
        if blank.end() == len(buffer) or buffer[blank.end()] in b"\r\n":
            return self._ended(buffer, start, blank.end(), final, None, blank=True)
        end, fault = self._strict_end(buffer, start, final)
        if end is None and fault is None and len(buffer) - start <= self.record_bytes:
            return None
        if end is not None and end - start <= self.record_bytes:
            lines = _LINE.match(buffer, start, end)
            assert lines is not None
            return self._ended(buffer, start, end, final, None, multiline=lines.end() < end)
        return self._first_line(buffer, start, final, fault)

    def count_fields(self, record: bytes) -> int:
        """How many fields a well-formed record has."""
        return self._quoted.sub(b"", record).count(self.delimiter) + 1

    def _strict_end(self, buffer: bytes, start: int, final: bool) -> tuple[int | None, int | None]:
        """Where the record ends if it keeps the rules, else where it breaks them; neither: not known yet."""
        before = self._fields_before_last.match(buffer, start)
        assert before is not None
        at = before.end()
        if buffer.startswith(self.quote, at):
            closed = self._quoted.match(buffer, at)
            if closed is None:
                return None, len(buffer) if final else None
            at = closed.end()
        else:
            plain = self._plain.match(buffer, at)
            assert plain is not None
            at = plain.end()
        if at == len(buffer):
            return (at, None) if final else (None, None)
        return (at, None) if buffer[at] in b"\r\n" else (None, at)

    def _first_line(self, buffer: bytes, start: int, final: bool, fault: int | None) -> Record | None:
        line = _LINE.match(buffer, start)
        assert line is not None
        if line.end() - start > self.record_bytes:
            raise self._too_long()
        if fault is None or fault == len(buffer) or fault > line.end():
            return self._ended(buffer, start, line.end(), final, CLOSED_QUOTES)
        if line.end() == len(buffer) and not final:
            return None
        return self._ended(buffer, start, line.end(), final, WELL_FORMED_QUOTES)

    def _ended(
        self,
        buffer: bytes,
        start: int,
        end: int,
        final: bool,
        reason: str | None,
        multiline: bool = False,
        blank: bool = False,
    ) -> Record | None:
        if end - start > self.record_bytes:
            raise self._too_long()
        if buffer.startswith(b"\r", end) and end + 1 == len(buffer) and not final:
            return None
        return Record(start, end, end + len(_ending(buffer, end)), reason, multiline, blank)

    def _too_long(self) -> FileRejected:
        return FileRejected(
            "file_has_records_under_16_mib",
            f"a record is longer than {self.record_bytes:,} bytes. Is its line end missing, or the delimiter "
            "or quote another than declared?",
        )

    def show(self, raw: bytes) -> str:
        """A record as text; bytes that the encoding lacks are shown as \\xNN."""
        return raw.decode(self.encoding, "backslashreplace")

    def text_fault_of(self, raw: bytes) -> str | None:
        """The check that a record's characters fail, if any."""
        try:
            raw.decode(self.encoding)
        except UnicodeDecodeError:
            return "row_" + check_name(self.encoding)
        return NO_NUL if b"\0" in raw else None

    def split(self, buffer: bytes, fields: int, final: bool) -> Piece:
        """Return the records of the buffer, which starts where a record starts.

        Raises FileRejected: file_has_records_under_16_mib.
        """
        piece, good, at = Piece(), [], 0
        while at < len(buffer) and (record := self.next_record(buffer, at, final)):
            at = record.next
            if ending := buffer[record.end : record.next]:
                piece.endings.add(ending)
            if record.blank:
                piece.blank_lines += 1
                continue
            raw = buffer[record.start : record.end]
            reason = self.text_fault_of(raw) or record.reason or _count_fault(self.count_fields(raw), fields)
            if reason:
                piece.malformed.append(Malformed(piece.records, raw, reason))
            else:
                good.append(raw)
            piece.records += 1
            piece.multiline += record.multiline
        piece.consumed = at
        piece.good = b"\n".join([*good, b""]) if good else b""
        return piece


def _count_fault(found: int, fields: int) -> str | None:
    if found == fields:
        return None
    return EVERY_FIELD if found < fields else NO_EXTRA_FIELD


def _ending(buffer: bytes, at: int) -> bytes:
    if buffer.startswith(b"\r\n", at):
        return b"\r\n"
    return buffer[at : at + 1]
