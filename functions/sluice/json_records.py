"""Reads JSON Lines as batches of text rows: nothing lost, nothing repaired, memory bounded.

A line holds one object, or several one after the other, as Firehose writes them. What of a line is no object is one
row, with its text; reading goes on at the next line.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any, BinaryIO

import polars as pl

from sluice.compression import TextStream
from sluice.contract import EXTRA, Contract
from sluice.encoding import check_name, codec_name, refuse_other_than_text
from sluice.errors import FileRejected
from sluice.frames import MALFORMED_SCHEMA, ROW_NUMBER
from sluice.limits import Limits
from sluice.records import NO_NUL
from sluice.source import Facts, RawBatch, Source

IS_OBJECT = "row_is_a_json_object"
NO_REPEATED_KEY = "row_has_no_repeated_key"
NO_UNKNOWN_KEY = "row_has_no_unknown_key"

_BLANK = " \t\r\n"


class JsonReader:
    """The records of a source of JSON Lines, as reader.Reader gives those of a CSV file.

    The header is the contract's columns. A cell is the text of a string, a number as it is written, true or false, the
    JSON of an object or array, and null where a record has null or lacks the key. With unknown_columns="keep" the
    rows have a last column `_extra`. Raises FileRejected as the reader does, of file_is_not_empty, file_is_text,
    file_is_utf_8, file_has_records_under_16_mib, file_is_complete, file_is_not_a_bomb.
    """

    def __init__(self, contract: Contract, source: Source, batch_rows: int, limits: Limits | None = None) -> None:
        self._contract = contract
        self._source = source
        self._batch_rows = batch_rows
        self._limits = limits or Limits()
        self.header = list(contract.file_columns)
        self.preview: list[str] = []
        self._pass: _Pass | None = self._begin()

    def _begin(self) -> "_Pass":
        started = _Pass(self._contract, self._source.open(), self._batch_rows, self._limits)
        self.facts = started.facts
        try:
            started.read_head()
        except BaseException:
            started.close()
            raise
        return started

    def __iter__(self) -> Iterator[RawBatch]:
        current, self._pass = self._pass or self._begin(), None
        try:
            yield from current.batches()
        finally:
            current.close()

    def __enter__(self) -> "JsonReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream that was opened for the first bytes, if no iteration has taken it."""
        if self._pass is not None:
            self._pass.close()
            self._pass = None


class _Number(str):
    """A number as the file writes it."""

    __slots__ = ()


class _Unsound(ValueError):
    """An object that cannot be believed; the reason is its only argument."""


class _Repeating(dict[str, Any]):
    """An object that has a key twice: which one holds cannot be guessed."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(found)


def _constant(_: str) -> None:
    raise _Unsound(IS_OBJECT)  # NaN and Infinity, which Python reads and JSON does not know


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_constant, object_pairs_hook=_pairs)


def json_text(value: Any) -> str | None:
    """Return a decoded value as a cell: numbers as they were written."""
    if value is None or isinstance(value, str):
        return value
    return _nested(value)


def _nested(value: Any) -> str:
    if isinstance(value, _Number):
        return value
    if isinstance(value, _Repeating):
        raise _Unsound(NO_REPEATED_KEY)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_nested(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_nested, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class _Rows:
    """Cells of the records of one batch, and what could not be read."""

    def __init__(self, contract: Contract) -> None:
        self._columns = contract.file_columns
        self._policy = contract.reading.unknown_columns
        self._known = {name.lower(): name for name in self._columns}
        self._known |= {alias.lower(): name for alias, name in contract.reading.aliases.items()}
        self.clear()

    def clear(self) -> None:
        names = (*self._columns, EXTRA) if self._policy == "keep" else self._columns
        self._cells: dict[str, list[str | None]] = {name: [] for name in names}
        self._numbers: list[int] = []
        self._malformed: list[tuple[int, str, str]] = []

    def __len__(self) -> int:
        return len(self._numbers) + len(self._malformed)

    def add(self, number: int, record: dict[str, Any], raw: str) -> None:
        try:
            cells = self._cells_of(record, escaped="\\u" in raw)
        except RecursionError:
            self.refuse(number, raw, IS_OBJECT)
        except _Unsound as unsound:
            self.refuse(number, raw, str(unsound))
        else:
            for name, column in self._cells.items():
                column.append(cells.get(name))
            self._numbers.append(number)

    def refuse(self, number: int, raw: str, reason: str) -> None:
        self._malformed.append((number, raw, reason))

    def _cells_of(self, record: dict[str, Any], *, escaped: bool) -> dict[str, str | None]:
        cells: dict[str, str | None] = {}
        unknown: dict[str, Any] = {}
        if isinstance(record, _Repeating):
            raise _Unsound(NO_REPEATED_KEY)
        for key, value in record.items():
            name = self._known.get(key) or self._known.get(key.strip().lower())
            if name is None:
                unknown[key] = value
            elif name in cells:
                raise _Unsound(NO_REPEATED_KEY)
            else:
                cells[name] = json_text(value)
        if unknown and self._policy == "reject":
            raise _Unsound(NO_UNKNOWN_KEY)
        if unknown and self._policy == "keep":
            cells[EXTRA] = _nested(unknown)
        # Only an escape can smuggle in what the text itself may not hold.
        for cell in cells.values() if escaped else ():
            _refuse_characters(cell or "")
        return cells

    def batch(self) -> RawBatch:
        """Return what was added, and begin anew."""
        rows = pl.DataFrame(
            {**self._cells, ROW_NUMBER: self._numbers},
            schema={**dict.fromkeys(self._cells, pl.String), ROW_NUMBER: pl.Int64},
        )
        malformed = pl.DataFrame(self._malformed, schema=MALFORMED_SCHEMA, orient="row")
        self.clear()
        return RawBatch(rows, malformed)


def _refuse_characters(cell: str) -> None:
    if "\0" in cell:
        raise _Unsound(NO_NUL)
    try:
        cell.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise _Unsound(f"row_{check_name('utf-8')}") from error


class _Pass:
    """One reading of a stream: a buffer that starts where a record or line starts."""

    def __init__(self, contract: Contract, stream: BinaryIO, batch_rows: int, limits: Limits) -> None:
        self._stream = stream
        self._text = TextStream(stream, limits)
        self._limits = limits
        self._batch_rows = batch_rows
        self._encoding = codec_name(contract.reading.format.encoding)
        self._rows = _Rows(contract)
        self._number = 1
        self._buffer = b""
        self._final = False
        self._told = 0
        self._line_begun = False
        self._endings: set[str] = set()
        self.facts = Facts(self._encoding, "", self._text.compression)

    def close(self) -> None:
        self._stream.close()

    def read_head(self) -> None:
        self._fill(self._limits.head_bytes)
        if not self._buffer:
            raise FileRejected("file_is_not_empty", "the file has no bytes; send it with a record at least")
        head = self._buffer[: self._limits.head_bytes]
        # One damaged record at the start must not cost the others of its file: with an object it is no other kind.
        has_objects = b'{"' in head
        mark = (
            len(BOM_UTF8) * head.startswith(BOM_UTF8)
            if has_objects
            else refuse_other_than_text(head, self._encoding, "JSON Lines")
        )
        self.facts.bom = bool(mark)
        self._buffer = self._buffer[mark:]

    def batches(self) -> Iterator[RawBatch]:
        wanted = self._limits.read_bytes
        while True:
            self._fill(wanted)
            if not self._buffer:
                break
            used = 0
            for taken in self._lines():
                used = taken
                if len(self._rows) >= self._batch_rows:
                    yield self._batch()
            self._buffer = self._buffer[used:]
            # A line may be longer than the buffer: one record up to the limit, or many one after the other.
            wanted = self._limits.read_bytes if used else 2 * len(self._buffer) + 1
            if len(self._rows) and self.facts.bytes_text - self._told >= self._limits.batch_bytes:
                yield self._batch()
        if len(self._rows):
            yield self._batch()

    def _batch(self) -> RawBatch:
        self._told = self.facts.bytes_text
        batch = self._rows.batch()
        self.facts.rows_in += batch.rows_in
        self.facts.malformed += batch.malformed.height
        kinds = {frozenset({"lf"}): "lf", frozenset({"crlf"}): "crlf", frozenset(): "none"}
        self.facts.line_ending = kinds.get(frozenset(self._endings), "mixed")
        return batch

    def _lines(self) -> Iterator[int]:
        """Take the buffer's lines; yield after each how much of the buffer is used."""
        at = 0
        while (end := self._buffer.find(b"\n", at)) >= 0:
            self._endings.add("crlf" if self._buffer.endswith(b"\r", at, end) else "lf")
            self._line(self._buffer[at:end])
            self._line_begun = False
            at = end + 1
            yield at
        rest = self._buffer[at:]
        if self._final and rest:
            self._line(rest)
            yield len(self._buffer)
        elif rest and at == 0:
            used = self._sound_start(rest)
            if len(rest) - used > self._limits.record_bytes:
                raise self._too_long()
            self._line_begun = self._line_begun or used > 0
            yield used

    def _line(self, line: bytes) -> None:
        rest = line[self._sound_start(line) :].strip(_BLANK.encode())
        if not rest:
            self.facts.blank_lines += not (line.strip(_BLANK.encode()) or self._line_begun)
            return
        try:
            text = rest.decode(self._encoding)
        except UnicodeDecodeError:
            self._refuse(rest.decode(self._encoding, "backslashreplace"), f"row_{check_name(self._encoding)}")
        else:
            self._refuse(text, NO_NUL if "\0" in text else IS_OBJECT)

    def _sound_start(self, line: bytes) -> int:
        """Take the objects that a line begins with; return their bytes. Its end may not be read yet."""
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:  # also a character of which the buffer has only the first bytes
            text = line[: error.start].decode(self._encoding)
        used = self._objects(text)
        return len(text[:used].encode(self._encoding))

    def _objects(self, text: str) -> int:
        """Take the objects that a text begins with; return where they end."""
        at = _skipped(text, 0)
        while at < len(text):
            if text[at] != "{":
                return at
            try:
                record, end = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError):
                return at
            self._refuse_long(text[at:end])
            self._rows.add(self._number, record, text[at:end])
            self._number += 1
            at = _skipped(text, end)
        return at

    def _refuse(self, raw: str, reason: str) -> None:
        self._refuse_long(raw)
        self._rows.refuse(self._number, raw, reason)
        self._number += 1

    def _refuse_long(self, raw: str) -> None:
        # A character has four bytes at most, so short texts need not be encoded to be measured.
        if 4 * len(raw) > self._limits.record_bytes and len(raw.encode()) > self._limits.record_bytes:
            raise self._too_long()

    def _too_long(self) -> FileRejected:
        return FileRejected(
            "file_has_records_under_16_mib",
            f"row {self._number:,} is longer than {self._limits.record_bytes:,} bytes. Are the line ends missing?",
        )

    def _fill(self, size: int) -> None:
        blocks, length = [self._buffer], len(self._buffer)
        while length < size and not self._final:
            try:
                block = self._text.read()
            except FileRejected as rejected:
                place = f"in or after row {self._number:,}"
                raise FileRejected(rejected.reason, f"{place}: {rejected.message}") from rejected
            self._final = not block
            blocks.append(block)
            length += len(block)
        self._buffer = b"".join(blocks)
        self.facts.bytes_in = self._text.bytes_in
        self.facts.bytes_text = self._text.bytes_out


def _skipped(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
