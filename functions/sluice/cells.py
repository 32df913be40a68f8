"""From the cells of a file to normalised text and typed values, column by column."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import polars as pl

from sluice.contract import EXTRA, Contract
from sluice.parsing import parse
from sluice.vocabulary import Vocabulary

_SPELLED_OUT = 6
_MANY_ROWS = 4_096
"""Rows of a batch from which on vocabularies pay."""
_SAMPLE = 2_048


class Cells:
    """Reads the cells of a file, batch by batch."""

    def __init__(self, contract: Contract) -> None:
        self._steps = steps = {name for step in contract.cleaning for name in step.columns}
        self._carried = (EXTRA, "_row_number") if contract.reading.unknown_columns == "keep" else ("_row_number",)
        self._text = {name: _normalised(contract, name) for name in contract.file_columns}
        self._parsers = {name: _parser(contract, name, dtype) for name, dtype in contract.parsed.items()}
        # Where neither a step nor a type asks for more, trimming costs what looking up does.
        self._looked_up = [
            name
            for name, text in self._text.items()
            if set(text.meta.root_names()) == {name}
            and (name in steps or contract.parsed.get(name, pl.String()) != pl.String())
        ]
        self._vocabularies: dict[str, Vocabulary] = {}

    def read(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the normalised text of every file column, and the values of the parsed ones, of the same rows.

        rows: the contract's file columns as the file has them, and what is carried along: `_extra` when kept,
        `_row_number`. Both frames carry it too.
        """
        helpful = dict(self._helpful(rows))
        codes = rows.select(vocabulary.codes(name) for name, vocabulary in helpful.items())
        few = {name: vocabulary.look_up(rows[name], codes[name]) for name, vocabulary in helpful.items()}
        # In two steps: in one, each column would be trimmed twice.
        trimmed = rows.select(pl.col(name).str.strip_chars() for name in self._text if name not in few)
        texts = trimmed.select(text for name, text in self._text.items() if name not in few)
        carried = [rows[name] for name in self._carried]
        text = [few[name][0].alias(name) if name in few else texts[name] for name in self._text]
        value = [
            few[name][1].alias(name) if name in few else parser(texts[name]) for name, parser in self._parsers.items()
        ]
        return pl.DataFrame(text + carried), pl.DataFrame(value + carried)

    def _helpful(self, rows: pl.DataFrame) -> Iterator[tuple[str, Vocabulary]]:
        if rows.height < _MANY_ROWS:
            return
        for name in self._looked_up:
            # A step may say what no text at all means.
            if name in self._steps and rows[name].null_count():
                continue
            if name not in self._vocabularies:
                self._vocabularies[name] = Vocabulary(partial(self._meaning, name), rows[name].head(_SAMPLE))
            if self._vocabularies[name].helps:
                yield name, self._vocabularies[name]

    def _meaning(self, name: str, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
        trimmed = pl.DataFrame({name: cells}).select(pl.col(name).str.strip_chars())
        text = trimmed.select(self._text[name]).to_series()
        return text, self._parsers[name](text) if name in self._parsers else text


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
