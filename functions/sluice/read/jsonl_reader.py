"""Reads JSON Lines as batches of text rows: nothing lost, nothing repaired, memory bounded.

A line holds one object, or several one after the other, as Firehose writes them. What of a line is no object is one
row, with its text; reading goes on at the next line.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

from sluice.contract.model import Contract
from sluice.contract.reading_problems import codec_name
from sluice.errors import FileRejected
from sluice.read.compression import TextStream
from sluice.read.csv_grammar import NO_NUL
from sluice.read.encoding import check_name, refuse_other_than_text
from sluice.read.jsonl_cells import DECODER, IS_OBJECT, JsonRows
from sluice.read.reader_base import Rereadable
from sluice.read.source import Facts, Limits, RawBatch, Source

_BLANK = " \t\r\n"


class JsonReader(Rereadable["_Pass"]):
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
        self._begin()

    def _new_pass(self) -> "_Pass":
        return _Pass(self._contract, self._source.open(), self._batch_rows, self._limits)


class _Pass:
    """One reading of a stream: a buffer that starts where a record or line starts."""

    def __init__(self, contract: Contract, stream: BinaryIO, batch_rows: int, limits: Limits) -> None:
        self._stream = stream
        self._text = TextStream(stream, limits)
        self._limits = limits
        self._batch_rows = batch_rows
        self._encoding = codec_name(contract.reading.format.encoding)
        self._rows = JsonRows(contract)
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
        _refuse_array(self._buffer.decode(self._encoding, "replace"))

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
                record, end = DECODER.raw_decode(text, at)
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


def _refuse_array(text: str) -> None:
    """Refuse a file that is one array: it begins with `[` and an object, and no array ends with the first line."""
    if not re.match(r"\s*\[\s*(\{|\]?\s*$)", text):
        return
    first, _, others = text.strip(_BLANK).partition("\n")
    try:
        alone = isinstance(json.loads(first), list) and bool(others.strip(_BLANK))
    except (ValueError, RecursionError):
        alone = False
    if not alone:
        raise FileRejected(
            "file_is_no_json_array",
            "the file is one JSON array. Write its objects one a line, for instance: jq -c '.[]' in.json > out.jsonl",
        )
