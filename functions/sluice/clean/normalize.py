"""From the cells of a file to normalised text and typed values, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import polars as pl

from sluice.clean.dictionary import by_distinct_text
from sluice.contract.model import Contract
from sluice.contract.steps import CELL_BY_CELL
from sluice.contract.values import decimal_point, likely_timestamp_format, parser
from sluice.runtime.polars_columns import row_indices, select_column, unmatched
from sluice.runtime.text import INVISIBLE, trimmed

_SPELLED_OUT = 6


@dataclass(frozen=True)
class Unparsed:
    """The cells of a column whose text is no value of its type: their row indices (UInt32, ascending), and the text."""

    indices: pl.Series
    text: pl.Series

    def among(self, remaining: pl.Series, new_indices: pl.Series) -> "Unparsed":
        """Return those of the remaining rows (Boolean). new_indices: the index of each row among them."""
        stays = remaining[self.indices]
        return Unparsed(new_indices[self.indices.filter(stays)], self.text.filter(stays))


@dataclass(frozen=True)
class ReadCells:
    """The cells of a batch.

    text: normalised text of the columns that are text or that a rule reads as text.
    values: the parsed columns, typed. Both carry `_extra` when kept, and `_row_number`.
    unparsed: by name of the typed columns.
    """

    text: pl.DataFrame
    values: pl.DataFrame
    unparsed: dict[str, Unparsed]


class Cells:
    """Reads the cells of a file, batch by batch."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._carried = (*contract.extra, "_row_number")
        as_text = _read_as_text(contract)
        self._untrimmed = {
            name for name in contract.parsed if name not in as_text and _parses_untrimmed(contract, name)
        }
        self._steps = {name: _normalised(contract, name) for name in contract.file_columns}
        # In one expression each cell is trimmed twice: for a few cells that costs less than another selection.
        self._trimmed_steps = {name: _normalised(contract, name, trimmed_already=False) for name in self._untrimmed}
        self._parsers = {name: parser(contract.reading, name, dtype) for name, dtype in contract.parsed.items()}
        self._with_other_columns = {
            name for step in contract.cleaning if not isinstance(step, CELL_BY_CELL) for name in step.columns
        }

    def read(self, rows: pl.DataFrame) -> ReadCells:
        """Read the cells of a batch.

        rows: the contract's file columns as the file has them, and what is carried along: `_extra` when kept,
        `_row_number`.
        """
        texts = {name: self._as_text(rows, name) for name in self._steps if name not in self._untrimmed}
        carried = [rows[name] for name in self._carried]
        text = pl.DataFrame([*texts.values(), *carried])
        values, unparsed = [], {}
        for name, dtype in self._contract.parsed.items():
            if dtype == pl.String():
                values.append(text[name])
                continue
            read = self._untrimmed_cells(rows[name]) if name in self._untrimmed else self._as_normalised(text[name])
            values.append(read[0])
            if read[1]:
                unparsed[name] = read[1]
        return ReadCells(text, pl.DataFrame(values + carried), unparsed)

    def _as_text(self, rows: pl.DataFrame, name: str) -> pl.Series:
        if name in self._with_other_columns:
            return self._normalise(rows.select(self._contract.file_columns), name)
        cells = rows[name]
        # The file has no such column when cells are null; a step may fill it.
        return self._normalised_cells(cells) if cells.has_nulls() else by_distinct_text(self._normalised_cells, cells)

    def _as_normalised(self, text: pl.Series) -> tuple[pl.Series, Unparsed | None]:
        text = _decimal_point(self._contract, text)
        value = self._parse(text)
        if value.null_count() == text.null_count():
            return value, None
        indices = unmatched(text, value)
        return value, Unparsed(indices, text[indices])

    def _untrimmed_cells(self, cells: pl.Series) -> tuple[pl.Series, Unparsed | None]:
        """Parse the cells as they are, and normalise only those that have no value then."""
        value = self._parse(cells, first_format=True)
        if not value.null_count():
            return value, None
        missed = row_indices(value.is_null())
        text = select_column(cells[missed], self._trimmed_steps[cells.name])
        if text.null_count() == len(text):
            return value, None
        value = value.scatter(missed, self._parse(text))
        left = unmatched(text, value[missed])
        return value, Unparsed(missed[left], text[left])

    def _normalised_cells(self, cells: pl.Series) -> pl.Series:
        return self._normalise(cells.to_frame(), cells.name)

    def _normalise(self, cells: pl.DataFrame, name: str) -> pl.Series:
        # In two steps: in one, each cell would be trimmed twice.
        return select_column(pl.DataFrame([_trimmed(column) for column in cells]), self._steps[name])

    def _parse(self, text: pl.Series, *, first_format: bool = False) -> pl.Series:
        """Return the typed values. first_format: timestamps of another than the first format may be null."""
        dtype, parse = self._contract.parsed[text.name], self._parsers[text.name]
        if first_format and isinstance(dtype, pl.Datetime):
            formats = self._contract.reading.dates.get(text.name, ())[:1] or (likely_timestamp_format(text),)
            return by_distinct_text(lambda texts: parse(texts, formats=formats), text)
        # Whole numbers parse faster than distinct texts are found.
        return parse(text) if dtype.is_integer() else by_distinct_text(parse, text)


def _trimmed(cells: pl.Series) -> pl.Series:
    """Return the cells without invisible characters at their ends. Where all is ASCII, spaces are trimmed faster."""
    is_ascii = cells.str.len_bytes().sum() == cells.str.len_chars().sum()
    return cells.str.strip_chars() if is_ascii else cells.str.strip_chars(INVISIBLE)


def _read_as_text(contract: Contract) -> set[str]:
    """Return the columns whose normalised text is needed."""
    texts = {name for name in contract.file_columns if contract.parsed.get(name, pl.String()) == pl.String()}
    rules = [rule.when.meta for rule in contract.discard]
    if any(rule.has_multiple_outputs() for rule in rules):
        return set(contract.file_columns)
    return texts.union(contract.same_as_key, *(rule.root_names() for rule in rules))


def _parses_untrimmed(contract: Contract, name: str) -> bool:
    """Whether cells may be parsed before they are normalised: only trimming is declared for them, and no null marker
    (999, say) is a value of their type."""
    dtype, reading = contract.parsed[name], contract.reading
    if any(name in step.columns for step in contract.cleaning) or (reading.decimal_comma and dtype.is_numeric()):
        return False
    markers = [trimmed(marker) for marker in _null_markers(contract, name)]
    spellings = pl.Series(
        [text for marker in markers for text in (marker, marker.lower(), marker.upper())], dtype=pl.String
    )
    return parser(reading, name, dtype)(spellings).null_count() == len(spellings)


def _decimal_point(contract: Contract, text: pl.Series) -> pl.Series:
    """Return the text that a column's values are parsed from: numbers with a decimal point."""
    if not (contract.reading.decimal_comma and contract.parsed[text.name].is_numeric()):
        return text
    return decimal_point(text)


def _normalised(contract: Contract, name: str, *, trimmed_already: bool = True) -> pl.Expr:
    """Return the expression that makes null markers null and applies the contract's steps."""
    text = pl.col(name) if trimmed_already else pl.col(name).str.strip_chars(INVISIBLE)
    column: pl.Expr = pl.when(~_is_null_marker(text, _null_markers(contract, name))).then(text)
    for step in contract.cleaning:
        if name in step.columns:
            column = step.apply(column)
    return column.alias(name)


def _null_markers(contract: Contract, name: str) -> tuple[str, ...]:
    markers = contract.reading.null_markers_of(name)
    is_text = contract.parsed.get(name, pl.String()) == pl.String()
    if contract.reading.format.quoted_empty_is_text and is_text and not contract.reads_objects:
        return tuple(marker for marker in markers if trimmed(marker))  # the reader has told them apart
    return markers


def _is_null_marker(text: pl.Expr, markers: tuple[str, ...]) -> pl.Expr:
    """Find markers in any case. To compare with all spellings is cheaper than to lower each cell."""
    spellings, long = _marking(markers)
    found = text.is_in(spellings)
    return found | text.str.to_lowercase().is_in(long) if long else found


def _marking(markers: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return every spelling of the short markers, and the long ones in lower case."""
    spellings = [spelling for marker in markers if len(marker) <= _SPELLED_OUT for spelling in _spellings(marker)]
    return spellings, [trimmed(marker).lower() for marker in markers if len(marker) > _SPELLED_OUT]


def _spellings(marker: str) -> Iterator[str]:
    letters = [sorted({letter.lower(), letter.upper()}) for letter in trimmed(marker)]
    return ("".join(spelling) for spelling in product(*letters))
