"""From the cells of a file to normalised text and typed values, column by column."""

from collections.abc import Callable, Iterator
from itertools import product

import polars as pl

from sluice.contract import EXTRA, Contract
from sluice.parsing import parse

_SPELLED_OUT = 6


class Cells:
    """Reads the cells of a file, batch by batch."""

    def __init__(self, contract: Contract) -> None:
        self._carried = (EXTRA, "_row_number") if contract.reading.unknown_columns == "keep" else ("_row_number",)
        # In two steps: in one, each column would be trimmed twice.
        self._trimmed = pl.col(contract.file_columns).str.strip_chars()
        self._text = [_normalised(contract, name) for name in contract.file_columns]
        self._parsers = {name: _parser(contract, name, dtype) for name, dtype in contract.parsed.items()}

    def read(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the normalised text of every file column, and the values of the parsed ones, of the same rows.

        rows: the contract's file columns as the file has them, and what is carried along: `_extra` when kept,
        `_row_number`. Both frames carry it too.
        """
        text = rows.select_seq(self._trimmed).select_seq(self._text)
        carried = [rows[name] for name in self._carried]
        values = [parser(text[name]) for name, parser in self._parsers.items()]
        return text.hstack(carried), pl.DataFrame(values + carried)


def text_of_value(contract: Contract, name: str, text: pl.Series) -> pl.Series:
    """Return the text that a column's values are parsed from: numbers with a decimal point."""
    if not (contract.reading.decimal_comma and contract.parsed[name].is_numeric()):
        return text
    # A number that has a point already is none with a decimal comma.
    return text.set(text.str.contains(".", literal=True), "not a number").str.replace(",", ".", literal=True)


def _normalised(contract: Contract, name: str) -> pl.Expr:
    """From trimmed text: tell null markers, then the contract's steps."""
    told = _is_null_marker(pl.col(name), contract.reading.null_markers)
    column: pl.Expr = pl.when(~told).then(name)
    for step in contract.cleaning:
        if name in step.columns:
            column = step.apply(column)
    return column.alias(name)


def _is_null_marker(trimmed: pl.Expr, markers: tuple[str, ...]) -> pl.Expr:
    """Tell the markers in any case. Looking a cell up among all spellings is cheaper than lowering it."""
    spellings = [spelling for marker in markers if len(marker) <= _SPELLED_OUT for spelling in _spellings(marker)]
    long = [marker.strip().lower() for marker in markers if len(marker) > _SPELLED_OUT]
    told = trimmed.is_in(spellings)
    return told | trimmed.str.to_lowercase().is_in(long) if long else told


def _spellings(marker: str) -> Iterator[str]:
    letters = [sorted({letter.lower(), letter.upper()}) for letter in marker.strip()]
    return ("".join(spelling) for spelling in product(*letters))


def _parser(contract: Contract, name: str, dtype: pl.DataType) -> Callable[[pl.Series], pl.Series]:
    forms = contract.reading.dates.get(name, ())
    return lambda text: parse(text_of_value(contract, name, text), dtype, forms)
