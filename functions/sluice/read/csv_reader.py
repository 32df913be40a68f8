"""Reads the bytes of a CSV file as batches of text rows: nothing lost, nothing repaired, memory bounded."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from sluice.contract.declarations import TextFormat
from sluice.errors import FileRejected
from sluice.read.buffer import TextBuffer
from sluice.read.compression import TextStream
from sluice.read.csv_exact import Buffer, CsvSlice
from sluice.read.csv_grammar import NO_EXTRA_FIELD, Grammar, Record
from sluice.read.csv_parser import MALFORMED_SCHEMA, ROW_NUMBER, column_names, parse_records
from sluice.read.csv_splitter import take_slice
from sluice.read.encoding import check_name, refuse_other_than_text
from sluice.read.escapes import UnescapedText
from sluice.read.reader_base import Rereadable
from sluice.read.source import Facts, FileSource, Limits, RawBatch, Source
from sluice.runtime.text import trimmed

__all__ = ["BATCH_ROWS", "Facts", "FileSource", "RawBatch", "Reader", "Source", "read_split"]

BATCH_ROWS = 65_536

_ENDINGS = {
    frozenset([b"\n"]): "lf",
    frozenset([b"\r\n"]): "crlf",
    frozenset([b"\r"]): "cr",
    frozenset(): "none",
}
_PREVIEW_LINES = 20


class Reader(Rereadable["_Pass"]):
    """The records of a source, its header first.

    Iterating gives a RawBatch for about every `batch_rows` records, for fewer when they are long, and prefetches the
    next one in a thread; a second iteration reads the source again. `facts` are those of the latest pass, complete at
    its end. Close it, or use `with`, when not iterating to the end.
    Raises FileRejected, at once or while iterating: file_is_not_empty, file_is_text, file_is_utf_8 (named by
    the declared encoding), file_has_a_header, header_has_well_formed_quotes, header_has_at_most_2000_columns,
    file_has_records_under_16_mib, file_is_complete, file_is_not_a_bomb.
    Raises ValueError when the text format itself is not one that a file can have.
    """

    def __init__(
        self,
        source: Source,
        text_format: TextFormat,
        batch_rows: int = BATCH_ROWS,
        limits: Limits | None = None,
    ) -> None:
        self._source = source
        self._limits = limits or Limits()
        self._batch_rows = batch_rows
        self._grammar = Grammar(text_format, self._limits.record_bytes)
        first = self._begin()
        self.header: list[str] = first.header
        self.preview: list[str] = first.preview

    def _new_pass(self) -> "_Pass":
        return _Pass(self._source.open(), self._grammar, self._limits, self._batch_rows)


def read_split(
    stream: BinaryIO,
    length: int,
    header: list[str],
    text_format: TextFormat,
    first_row_number: int,
    batch_rows: int = BATCH_ROWS,
    limits: Limits | None = None,
    header_ending: str = "none",
) -> Iterator[RawBatch]:
    """Yield the batches of one split of an uncompressed file, as the whole file's reader would number them.

    stream: at the split's first byte; length: bytes up to the next split (or the end of the file).
    header_ending: the Facts' of the whole file.
    """
    limits = limits or Limits()
    grammar = Grammar(text_format, limits.record_bytes)
    reading = _Pass(_Window(stream, length), grammar, limits, batch_rows, stored=True)  # type: ignore[arg-type]
    reading.header = header
    reading.newline = next((b"".join(ends) for ends, name in _ENDINGS.items() if name == header_ending), b"")
    reading.row_number = first_row_number
    return reading.batches()


def _undecodable(raw: bytes, encoding: str) -> str:
    """Describe the first byte that is not of the encoding."""
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} (0x{raw[error.start]:02x})"
    return "one of its bytes"


class _Window:
    """The next `length` bytes of a stream."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int) -> bytes:
        block = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._stream.close()


class _Pass:
    """One reading of a stream: buffered text, and the counts so far."""

    def __init__(
        self, stream: BinaryIO, grammar: Grammar, limits: Limits, batch_rows: int, stored: bool = False
    ) -> None:
        self._stream = stream
        text = TextStream(stream, limits, stored)
        escaped = grammar.text_format.escape is not None
        self._text: TextStream | UnescapedText = UnescapedText(text, grammar.text_format) if escaped else text
        self._grammar = grammar
        self._limits = limits
        self._batch_rows = batch_rows
        self._buffer = TextBuffer(self._text)
        self._offset = 0
        self._endings: set[bytes] = set()
        self.newline = b""
        self.facts = Facts(grammar.encoding, grammar.delimiter.decode(), self._text.compression)
        self.header: list[str] = []
        self.preview: list[str] = []
        self.row_number = 1

    def close(self) -> None:
        self._stream.close()

    def read_head(self) -> None:
        self._fill(self._limits.head_bytes)
        head = self._buffer.first(self._limits.head_bytes)
        bom = refuse_other_than_text(head, self._grammar.encoding)
        self.facts.bom = bool(bom)
        self.preview = head[bom:].decode(self._grammar.encoding, "replace").splitlines()[:_PREVIEW_LINES]
        self._take(bom, head)
        self._skip_lines(head[bom:])
        self.header = self._header_names(self._header_record())
        if isinstance(self._text, TextStream) and self._text.compression == "none":
            self.facts.splits.append((self._offset, 1))

    def _skip_lines(self, head: bytes) -> None:
        count = self._grammar.text_format.skip_lines
        above = re.match(rb"(?:[^\r\n]*+(?:\r\n|\n|\r)){%d}" % count, head)
        if above is None:
            raise FileRejected("file_has_a_header", f"the file ends in the {count} lines that stand above its header")
        self._take(above.end(), head)

    def batches(self) -> Iterator[RawBatch]:
        ended = self._grammar.text_format.trailing_delimiter
        columns = column_names([*self.header, ""] if ended else self.header)
        sample = self._buffer.first(self._limits.head_bytes)
        mean = len(sample) / (1 + max(sample.count(b"\n"), sample.count(b"\r")))
        longer = 0
        while True:
            wanted = max(1, min(int(self._batch_rows * mean), self._limits.batch_bytes))
            self._fill(max(wanted, longer))
            if not self._buffer:
                break
            text = self._buffer.all() if longer else self._buffer.lines(wanted)
            final = self._buffer.final and len(text) == len(self._buffer)
            found = take_slice(Buffer(text, final, wanted, 2 * self._batch_rows, self.newline), columns, self._grammar)
            # A record may be longer than the text, up to the limit: then it is refused.
            longer = 0 if found.consumed else 2 * len(text) + 1
            if found.records:
                batch = self._without_end(self._batch(found)) if ended else self._batch(found)
                mean = found.consumed / found.records
            self._count(found, text)
            if found.records:
                yield batch

    def _batch(self, found: CsvSlice) -> RawBatch:
        numbers = pl.int_range(self.row_number, self.row_number + found.records, eager=True, dtype=pl.Int64)
        bad = [self.row_number + record.index for record in found.malformed]
        if bad:
            numbers = numbers.filter(~numbers.is_in(bad))
        if numbers.len() != found.rows.height:
            raise AssertionError(f"{numbers.len()} well-formed records became {found.rows.height} rows")
        texts = [self._grammar.show(record.raw) for record in found.malformed]
        reasons = [record.reason for record in found.malformed]
        malformed = pl.DataFrame([bad, texts, reasons], schema=MALFORMED_SCHEMA)
        return RawBatch(found.rows.with_columns(numbers.alias(ROW_NUMBER)), malformed)

    def _without_end(self, batch: RawBatch) -> RawBatch:
        """Return the batch without the empty column behind the last delimiter; what is not empty is a surplus field."""
        *names, end, number = batch.rows.columns
        is_empty = (batch.rows[end] == "").fill_null(value=True)
        raw = pl.concat_str(pl.col(*names, end).fill_null(""), separator=self._grammar.delimiter.decode())
        longer = batch.rows.filter(~is_empty).select(number, _raw=raw, _reason=pl.lit(NO_EXTRA_FIELD))
        malformed = pl.concat([batch.malformed, longer]).sort(number)
        self.facts.malformed += longer.height
        return RawBatch(batch.rows.filter(is_empty).drop(end), malformed)

    def _count(self, found: CsvSlice, text: bytes) -> None:
        self.row_number += found.records
        self.facts.rows_in += found.records
        self.facts.malformed += len(found.malformed)
        self.facts.blank_lines += found.blank_lines
        self.facts.multiline_records += found.multiline
        self._endings |= found.endings
        self.facts.line_ending = _ENDINGS.get(frozenset(self._endings), "mixed")
        self._take(found.consumed, text)
        splits = self.facts.splits
        if splits and self._buffer and self._offset >= splits[-1][0] + self._limits.split_bytes:
            splits.append((self._offset, self.row_number))

    def _take(self, size: int, text: bytes) -> None:
        """Drop the first bytes of the text from the buffer."""
        if not self.facts.quoted:
            self.facts.quoted = text.find(self._grammar.quote, 0, size) >= 0
        self._buffer.take(size)
        self._offset += size

    def _fill(self, size: int) -> None:
        try:
            self._buffer.fill(size)
        except FileRejected as rejected:
            where = f"in or after row {self.row_number:,}" if self.header else "in the header"
            raise FileRejected(rejected.reason, f"{where}: {rejected.message}") from rejected
        self.facts.bytes_in = self._text.bytes_in
        self.facts.bytes_text = self._text.bytes_out

    def _header_record(self) -> bytes:
        """Take the header and the blank lines before it."""
        text, at = self._buffer.all(), 0
        while True:
            if at == len(text) and self._buffer.final:
                raise FileRejected("file_has_a_header", "the file has only blank lines; send it with a header")
            record = self._grammar.next_record(text, at, self._buffer.final) if at < len(text) else None
            if record is None:
                self._take(at, text)
                self._fill(2 * len(self._buffer) + 1)
                text, at = self._buffer.all(), 0
                continue
            if ending := text[record.end : record.next]:
                self._endings.add(ending)
                self.facts.line_ending = _ENDINGS.get(frozenset(self._endings), "mixed")
            at = record.next
            if not record.blank:
                self.newline = ending
                self.facts.header_ending = _ENDINGS[frozenset([ending]) if ending else frozenset()]
                self._take(at, text)
                return self._sound_header(record, text)
            self.facts.blank_lines += 1

    def _sound_header(self, record: Record, text: bytes) -> bytes:
        raw = text[record.start : record.end]
        encoding = self._grammar.encoding
        fault = self._grammar.text_fault(raw)
        if fault == "row_" + check_name(encoding):
            raise FileRejected(
                f"file_{check_name(encoding)}",
                # Its text is not shown, here and below: in a file without a header it is a row, perhaps about a person.
                f"the header is not {encoding}: {_undecodable(raw, encoding)} is none. "
                f"Save the file as {encoding}, or declare its encoding in the contract",
            )
        if fault:
            raise FileRejected("file_is_text", "the header holds NUL characters; export the file as CSV text")
        if record.fault:
            raise FileRejected(
                "header_has_well_formed_quotes",
                "the header's quotes do not pair. A quoted name begins and ends with the quote, a quote inside it is "
                "doubled" + self._space_before_quote(raw),
            )
        found = self._grammar.count_fields(raw)
        if found > self._limits.columns:
            raise FileRejected(
                f"header_has_at_most_{self._limits.columns}_columns",
                f"the header has {found:,} columns. Is the line end or the delimiter another than declared?",
            )
        return raw

    def _space_before_quote(self, raw: bytes) -> str:
        mark, quote = self._grammar.delimiter, self._grammar.quote
        spaced = re.search(rb"(?:\A|%b)[ \t]+%b" % (re.escape(mark), re.escape(quote)), raw)
        return f". A space stands before a quote: write {(mark + quote).decode()} without one" if spaced else ""

    def _header_names(self, raw: bytes) -> list[str]:
        columns = [str(position) for position in range(self._grammar.count_fields(raw))]
        text = raw.decode(self._grammar.encoding).encode() + b"\n"
        names = parse_records(text, columns, self._grammar)
        header = [trimmed(name or "") for name in names.row(0)]
        return header[:-1] if self._grammar.text_format.trailing_delimiter and not header[-1] else header
