"""Splits a buffer into rows record by record, as the exact grammar says, and the slice that both ways return."""

from dataclasses import dataclass, field

import polars as pl

from sluice.read.csv_grammar import QUOTED_LINE_ENDS, Grammar, Record
from sluice.read.csv_lines import utf8
from sluice.read.csv_parser import parse_records


@dataclass(frozen=True)
class Malformed:
    """A record that cannot be split: its index among the slice's records, its bytes, the failed check."""

    index: int
    raw: bytes
    reason: str


@dataclass
class CsvSlice:
    """The records at the start of a buffer.

    rows: the well-formed ones, parsed; malformed: the others; records: how many both are
    consumed: bytes up to the end of the last; multiline: records that span lines
    endings: which of b"\\n", b"\\r\\n", b"\\r" ended a record or a blank line
    """

    rows: pl.DataFrame
    consumed: int = 0
    records: int = 0
    multiline: int = 0
    blank_lines: int = 0
    malformed: list[Malformed] = field(default_factory=list)
    endings: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class Buffer:
    """Bytes that start where a record starts.

    final: nothing follows them; wanted: bytes to take records from (a record's end may lie behind);
    most_rows: lines to take at most, about; newline: the header's line end, where it is known.
    """

    data: bytes
    final: bool
    wanted: int
    most_rows: int
    newline: bytes = b""


@dataclass(frozen=True)
class _Taken:
    """A record: its bytes, its line end, and the check that it fails."""

    raw: bytes
    ending: bytes
    reason: str | None
    record: Record

    def may_be_cut_off(self, newline: bytes) -> bool:
        """Whether its line end may stand inside a cell, without quotes: another than the header's."""
        return bool(newline and self.ending and self.ending != newline and not (self.reason or self.record.blank))


def take_exactly(buffer: Buffer, columns: list[str], grammar: Grammar) -> CsvSlice:
    """Record by record: for other line ends than the header's, and for records longer than the slice."""
    found = CsvSlice(pl.DataFrame())
    taken: list[_Taken] = []
    data, at, undecided = buffer.data, 0, False
    while at < len(data) and (at < buffer.wanted or (undecided and len(taken) == 1)):
        record = grammar.next_record(data, at, buffer.final)
        if record is None:
            break
        at = record.next
        raw = data[record.start : record.end]
        reason = None if record.blank else grammar.fault(record, raw, len(columns))
        taken.append(_Taken(raw, data[record.end : at], reason, record))
        undecided = taken[-1].may_be_cut_off(buffer.newline)
    if undecided and not (buffer.final and at == len(data)):
        at = taken.pop().record.start  # the next slice begins with it, and knows what follows it
    good: list[bytes] = []
    reasons = _with_cut_off(taken, len(columns), buffer.newline)
    for one, reason in zip(taken, reasons, strict=True):
        if one.ending:
            found.endings.add(one.ending)
        if one.record.blank:
            found.blank_lines += 1
            continue
        if reason:
            found.malformed.append(Malformed(found.records, one.raw, reason))
        else:
            good += (one.raw, b"\n")
        found.records += 1
        found.multiline += one.record.multiline
    found.consumed = at
    found.rows = parse_records(utf8(b"".join(good), grammar.encoding), columns, grammar)
    return found


def _with_cut_off(taken: list[_Taken], fields: int, newline: bytes) -> list[str | None]:
    """Return the check that each record fails, also those that an unquoted line end inside a cell cut off.

    Such a record is well-formed, and what follows it, its rest, is not: `A,first CR second LF`. With one field every
    rest is well-formed, too; then nothing around a CR among other line ends is believed.
    """
    reasons = [one.reason for one in taken]
    for index, one in enumerate(taken):
        if not one.may_be_cut_off(newline):
            continue
        rest = index + 1 if index + 1 < len(taken) and not taken[index + 1].record.blank else None
        lone = fields == 1 and one.ending == b"\r"
        if lone or (rest is not None and taken[rest].reason):
            reasons[index] = QUOTED_LINE_ENDS
        if lone and rest is not None:
            reasons[rest] = reasons[rest] or QUOTED_LINE_ENDS
    return reasons
