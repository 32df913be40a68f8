"""Totals lines: what ends a file below its rows, such as `Total;;1234`, and is no row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from cli.infer.sampling import Samples
from sluice.contract.values import parse
from sluice.runtime.text import INVISIBLE

_WORD = re.compile(
    r"(grand |sub-?)?totals?|sums?|(zwischen|end|gesamt)?summen?|gesamt(betrag|ergebnis)?|insgesamt|"
    r"(total g[ée]n[ée]ral|somme)|totale|totaal|suma|razem|итого|合計|总计"
)
_ENDS = " \t:.*=-#"
_SHOWN = 40


@dataclass(frozen=True)
class Totals:
    """The totals lines of the samples.

    column: of the table, in which `words` stand in lower case; None where the line has not the header's fields, and
        `words` are the texts with which it begins.
    shown: a line. rows: of the samples, that are such lines.
    discarded: whether it is certain enough to leave them out: a cell is empty in no other row, or is the others' sum.
    """

    column: str | None
    words: tuple[str, ...]
    shown: str
    rows: tuple[int, ...]
    discarded: bool

    def left_out(self, samples: Samples) -> Samples:
        """Return the samples without the lines that are discarded."""
        if not self.discarded or not self.rows:
            return samples
        number = pl.int_range(pl.len())
        return replace(samples, rows=samples.rows.filter(~number.is_in(list(self.rows))), last=())


def find_totals(samples: Samples, names: Mapping[str, str]) -> Totals | None:
    """Return the totals lines at the end of the samples' files. names: header → column of the table."""
    delimiter = samples.format.delimiter
    begins = [text for line in samples.last_raw if (text := _beginning(line, delimiter))]
    if begins:
        return Totals(None, tuple(dict.fromkeys(begins)), samples.last_raw[0].strip()[:_SHOWN], (), discarded=True)
    cells = samples.rows.select(pl.all().str.strip_chars(INVISIBLE))
    ends = [(index, cells.row(index)) for index in samples.last]
    found = [(index, row, at) for index, row in ends if (at := _word_at(row)) is not None]
    if not found or cells.height == len(found):
        return None
    _, row, at = found[0]
    header = cells.columns[at]
    words = tuple(dict.fromkeys(row[at].lower() for _, row, _ in found))
    indices = tuple(index for index, _, _ in found)
    number = pl.int_range(pl.len())
    others = cells.filter(~number.is_in(list(indices)))
    everywhere = cells.filter(pl.col(header).str.to_lowercase().is_in(list(words))).height
    certain = everywhere == len(found) and all(each == at for _, _, each in found)
    certain &= all(_is_no_row(row, others, names, alone=len(samples.last) == 1) for _, row, _ in found)
    return Totals(names[header], words, delimiter.join(row)[:_SHOWN], indices if certain else (), certain)


def _word_at(row: tuple[str, ...]) -> int | None:
    """Return the position of the first cell that has a text, if that is a word for totals."""
    at = next((at for at, cell in enumerate(row) if cell), None)
    return at if at is not None and _WORD.fullmatch(row[at].lower().strip(_ENDS)) else None


def _beginning(line: str, delimiter: str) -> str | None:
    cells = line.split(delimiter)
    at = _word_at(tuple(cell.strip(f'{INVISIBLE}"') for cell in cells))
    return None if at is None else delimiter.join(cells[: at + 1]).rstrip("\r\n")


def _is_no_row(row: tuple[str, ...], others: pl.DataFrame, names: Mapping[str, str], *, alone: bool) -> bool:
    """Return whether a cell is empty where no other row's is, or is a sum. alone: the others are of the same file."""
    for cell, header in zip(row, names, strict=True):
        column = others[header]
        if not cell and not (column == "").any():
            return True
        if alone and cell and others.height > 1:
            value, numbers = _number(pl.Series([cell])).item(), _number(column)
            if value is not None and not numbers.has_nulls() and abs(value - numbers.sum()) <= 1e-9 * abs(value):
                return True
    return False


def _number(texts: pl.Series) -> pl.Series:
    return parse(texts.str.replace(",", ".", literal=True), pl.Float64())
