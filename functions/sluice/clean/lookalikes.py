"""Finds rows that are well-formed and no data: the header once more, and text that typographic quotes only seem to
quote."""

import polars as pl

from sluice.contract.model import EXTRA, Contract
from sluice.runtime.polars_columns import row_indices, select_column
from sluice.runtime.text import INVISIBLE

NO_HEADER = "row_is_not_the_header"

_INVISIBLE_BYTES = 16
"""How many bytes of invisible characters a repeated header's name may have around it."""

# A cell in typographic quotes, or one that begins with such a quote and does not close it: its rest is in other cells.
_FIRST_QUOTE = "\u201c"
_QUOTED = "^[\u201c-\u201f][^\u201c\u201d\u201f]*[\u201c\u201d\u201f]?$"


def repeated_headers(contract: Contract, rows: pl.DataFrame) -> pl.Series:
    """Return the indices (UInt32) of the rows in which every cell is its column's name or alias: files put together.

    rows: the file's columns (String) as in the file; all null where the file lacks one.
    """
    found: pl.Series | None = None
    named = {} if contract.reads_objects else _names(contract)
    present = {name: known for name, known in named.items() if rows[name].null_count() < rows.height}
    # Few cells are as long as their column's name: the first columns leave hardly a row to compare.
    for name, known in present.items():
        cells = rows[name] if found is None else rows[name][found]
        lengths = [len(text) for text in known]
        near = row_indices(cells.str.len_bytes().is_between(min(lengths), 4 * max(lengths) + _INVISIBLE_BYTES))
        found = near if found is None else found[near]
        if found.is_empty():
            return found
    for name, known in present.items():
        if found is not None:
            text = pl.first().str.strip_chars(INVISIBLE).str.to_lowercase()
            found = found.filter(select_column(rows[name][found], text.is_in(known)))
    return pl.Series(dtype=pl.UInt32) if found is None else found


def _names(contract: Contract) -> dict[str, list[str]]:
    names = {name: [name.lower()] for name in contract.file_columns}
    for alias, name in contract.reading.aliases.items():
        names[name].append(alias.lower())
    return names


def typographic_quotes(parsed: pl.DataFrame) -> dict[str, pl.Series]:
    """Return, by column, the indices (UInt32) of the rows with a text in typographic quotes: they quote nothing.

    parsed: typed, as ReadCells.values.
    """
    found: dict[str, pl.Series] = {}
    for cells in parsed:
        if cells.name == EXTRA or cells.dtype != pl.String():
            continue
        # Texts compare by code points: hardly a cell begins with so high a one, and needs to be searched.
        high = row_indices(cells >= _FIRST_QUOTE)
        quoted = high.filter(cells[high].str.contains(_QUOTED))
        if len(quoted):
            found[cells.name] = quoted
    return found
