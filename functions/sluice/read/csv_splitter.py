"""Splits a buffer into rows in bulk: Polars parses every line that is proved well-formed, the exact grammar reads
the others one by one."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import polars as pl

from sluice.read.csv_exact import Buffer, CsvSlice, Malformed, take_exactly
from sluice.read.csv_grammar import Grammar
from sluice.read.csv_lines import endings_of, lines_of
from sluice.read.csv_parser import parse_records
from sluice.runtime.polars_columns import row_indices, select_column

# Polars compiles a pattern that counts this many fields to fast code; beyond, counting delimiters is faster.
_COUNTED_FIELDS = 64
_BLANK = r"\A *\r?\z"


def take_slice(buffer: Buffer, columns: list[str], grammar: Grammar) -> CsvSlice:
    """Return records from the buffer's start; none (nothing consumed) when the buffer must grow first.

    Raises FileRejected: file_has_records_under_16_mib.
    """
    data = buffer.data
    if b"\n" not in data and b"\r" in data and buffer.newline in (b"", b"\r"):
        return _take_carriage_returns(buffer, columns, grammar)
    cut = data.rfind(b"\n", 0, buffer.wanted) + 1
    if not cut:
        return take_exactly(buffer, columns, grammar)
    raw = data[:cut]
    text, lines, undecodable = lines_of(raw, grammar.encoding)
    endings = endings_of(text, lines)
    if b"\r" in endings:
        return take_exactly(buffer, columns, grammar)
    if lines.len() > buffer.most_rows:
        fewer = max(1, cut * buffer.most_rows // lines.len())
        if data.rfind(b"\n", 0, fewer) >= 0:
            return take_slice(replace(buffer, wanted=fewer), columns, grammar)
    if cut > grammar.record_bytes and (lines.str.len_bytes() > grammar.record_bytes).any():
        return take_exactly(buffer, columns, grammar)
    if not undecodable and (rows := _sound_rows(text, lines, columns, grammar)) is not None:
        if _ends_otherwise(raw, buffer) and lines.len() > 1:
            cut, rows = data.rfind(b"\n", 0, cut - 1) + 1, rows[:-1]
        elif _ends_otherwise(raw, buffer):
            return take_exactly(replace(buffer, wanted=1), columns, grammar)
        return CsvSlice(rows, cut, rows.height, endings=endings)
    found = _Sifter(buffer, cut, columns, grammar, text, lines, endings, undecodable).sift()
    if not found.consumed or (buffer.newline and found.endings - {buffer.newline}):
        return take_exactly(replace(buffer, wanted=max(1, found.consumed)), columns, grammar)
    return found


def _ends_otherwise(raw: bytes, buffer: Buffer) -> bool:
    """Whether the last line has another end than the header, so that what follows it may be its rest."""
    if not buffer.newline or (buffer.final and len(raw) == len(buffer.data)):
        return False
    return buffer.newline != (b"\r\n" if raw.endswith(b"\r\n") else b"\n")


def _take_carriage_returns(buffer: Buffer, columns: list[str], grammar: Grammar) -> CsvSlice:
    """A buffer whose lines end in CR is one of LF lines, unless a quoted field spans some."""
    data = buffer.data if buffer.final else buffer.data.removesuffix(b"\r")
    lines = Buffer(data.replace(b"\r", b"\n"), buffer.final, buffer.wanted, buffer.most_rows)
    found = take_slice(lines, columns, grammar)
    if found.multiline:
        return take_exactly(buffer, columns, grammar)
    found.endings = {b"\r"} if found.endings else set()
    return found


def _sound_rows(text: bytes, lines: pl.Series, columns: list[str], grammar: Grammar) -> pl.DataFrame | None:
    """The rows, if each line is proved to be one record with every field; else None.

    Polars refuses a line with more fields and pads one with fewer: so a line whose last field is not empty
    has them all, and only the others, and those with quotes, must be looked at.
    """
    if b"\0" in text or (len(columns) == 1 and lines.str.contains(_BLANK).any()):
        return None
    if grammar.quote in text:
        quoted = lines.filter(select_column(lines, pl.first().str.contains(grammar.quote.decode(), literal=True)))
        if not _sound(quoted, len(columns), grammar).all():
            return None
    try:
        rows = parse_records(text, columns, grammar)
    except pl.exceptions.PolarsError:
        return None
    if rows.height != lines.len():
        return None
    perhaps_short = rows.to_series(-1).fill_null("") == ""
    if perhaps_short.any() and not _sound(lines.filter(perhaps_short), len(columns), grammar).all():
        return None
    return rows


def _sound(lines: pl.Series, fields: int, grammar: Grammar) -> pl.Series:
    """Which lines are one well-formed record with that many fields."""
    if fields <= _COUNTED_FIELDS:
        return select_column(lines, pl.first().str.contains(grammar.line_pattern(fields)))
    separators = lines.str.replace_all(grammar.quoted_pattern, "").str.count_matches(
        grammar.delimiter.decode(), literal=True
    )
    return lines.str.contains(grammar.line_pattern(None)) & (separators == fields - 1)


class _Sifter:
    """Finds the lines of a slice that are not well-formed records by themselves, and reads only those exactly."""

    def __init__(
        self,
        buffer: Buffer,
        cut: int,
        columns: list[str],
        grammar: Grammar,
        text: bytes,
        lines: pl.Series,
        endings: set[bytes],
        undecodable: list[int],
    ) -> None:
        self._buffer = buffer
        self._cut = cut
        self._columns = columns
        self._grammar = grammar
        self._text = text
        self._lines = lines
        self._slice = CsvSlice(pl.DataFrame(), endings=endings)
        self._left_out: list[tuple[int, int]] = []
        self._inner_lines: list[int] = []
        if len(endings) > 1:
            # Where line ends differ, lengths need the CRs that Polars' reader of lines cut off.
            whole = pl.Series([text.removesuffix(b"\n")]).cast(pl.String)
            self._lines = lines = whole.str.split("\n").explode()
        ending = 2 if endings == {b"\r\n"} else 1
        sizes = lines.str.len_bytes().cast(pl.Int64) + ending
        self._text_ends = sizes.cum_sum()
        self._text_starts = self._text_ends - sizes
        if grammar.encoding != "utf-8":
            sizes = lines.str.len_chars().cast(pl.Int64) + ending
        self._starts = sizes.cum_sum() - sizes
        self._suspects = self._find_suspects(undecodable)

    def _find_suspects(self, undecodable: list[int]) -> pl.Series:
        lines = self._lines
        suspect = ~_sound(lines, len(self._columns), self._grammar)
        if b"\0" in self._text:
            suspect |= lines.str.contains("\0", literal=True)
        if len(self._columns) == 1:
            suspect |= lines.str.contains(_BLANK)
        if undecodable:
            lines_hit = self._starts.search_sorted(pl.Series(undecodable, dtype=pl.Int64), side="right") - 1
            suspect[lines_hit.unique()] = True
        return row_indices(suspect)

    def sift(self) -> CsvSlice:
        found, data, grammar = self._slice, self._buffer.data, self._grammar
        whole, after, extra = self._lines.len(), 0, 0
        for line, start, span, is_blank in self._each_suspect():
            if line < after:
                continue
            if is_blank:
                found.blank_lines += 1
                self._left_out.append(span)
                continue
            record = grammar.next_record(data, start, self._buffer.final)
            after = line + 1
            if record is not None and record.multiline:
                after = line + data.count(b"\n", start, record.next)
            if record is None or record.next > self._cut:
                whole = line
                break
            raw = data[start : record.end]
            if reason := grammar.fault(record, raw, len(self._columns)):
                found.malformed.append(Malformed(line - extra - found.blank_lines, raw, reason))
                self._left_out.append((span[0], self._text_ends[after - 1]))
            if record.multiline:
                found.multiline += 1
                extra += after - line - 1
                self._inner_lines.extend(range(line, after - 1))
        return self._finished(whole, extra)

    def _each_suspect(self) -> Iterator[tuple[int, int, tuple[int, int], bool]]:
        """Yield each suspect's line, its start in the data, its span in the text, and whether it is blank."""
        lines = self._suspects
        spans = zip(self._text_starts[lines].to_list(), self._text_ends[lines].to_list(), strict=True)
        blank = self._lines[lines].str.contains(_BLANK).to_list()
        return zip(lines.to_list(), self._starts[lines].to_list(), spans, blank, strict=True)

    def _finished(self, whole: int, extra: int) -> CsvSlice:
        """The slice of the first `whole` lines, `extra` of which are later lines of a record."""
        found, lines = self._slice, self._lines.len()
        found.consumed = self._starts[whole] if whole < lines else self._cut
        found.records = whole - extra - found.blank_lines
        end = self._text_starts[whole] if whole < lines else len(self._text)
        spans = [(0, 0), *self._left_out, (end, end)]
        view = memoryview(self._text)
        good = b"".join(view[before:start] for (_, before), (start, _) in pairwise(spans))
        found.rows = parse_records(good, self._columns, self._grammar)
        if len(found.endings) > 1:
            found.endings = self._endings_of(whole)
        return found

    def _endings_of(self, whole: int) -> set[bytes]:
        """Which line ends are record ends; quoted ones are not."""
        inner = set(self._inner_lines)
        returns = self._lines.head(whole).str.ends_with("\r").to_list()
        return {b"\r\n" if has else b"\n" for line, has in enumerate(returns) if line not in inner}
