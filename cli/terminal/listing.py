"""Rows under column names: as a table where they fit, else one name and value a line. No cell is ever cut or broken."""

from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sluice.runtime.text import printable

_GAP = 2
_PROSE = 30
"""Characters of a column of sentences below which wrapping it makes it hard to read."""

Cell = str | Text


@dataclass
class Listing:
    """columns: names, each once. right: columns of numbers; prose: columns of sentences, which may wrap at blanks."""

    columns: tuple[str, ...]
    right: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()
    rows: list[tuple[Text, ...]] = field(default_factory=list)

    def add_row(self, *cells: Cell) -> None:
        """Add a row, a cell for each column."""
        self.rows.append(tuple(map(_printable, cells)))

    def print(self, console: Console) -> None:
        """Print all rows in the width of the console."""
        if self._width() <= console.width:
            console.print(self.table(), highlight=False)
            return
        longest = max(cell_len(name) for name in self.columns)
        for number, row in enumerate(self.rows):
            if number:
                console.print()
            for name, cell in zip(self.columns, row, strict=True):
                line = Text.assemble((name.ljust(longest + _GAP), "dim"), cell)
                console.print(line, highlight=False, soft_wrap=name not in self.prose)

    def table(self) -> Table:
        """Return the rows as a table, however wide."""
        made = Table(box=None, padding=(0, _GAP, 0, 0), header_style="dim")
        for name in self.columns:
            justify: Literal["right", "left"] = "right" if name in self.right else "left"
            made.add_column(name, justify=justify, no_wrap=name not in self.prose, overflow="fold")
        for row in self.rows:
            made.add_row(*row)
        return made

    def _width(self) -> int:
        """Return the least width at which the table is whole."""
        return sum(self._column_width(at, name) + _GAP for at, name in enumerate(self.columns))

    def _column_width(self, at: int, name: str) -> int:
        lines = [line for row in self.rows for line in row[at].plain.splitlines()]
        widest = max((cell_len(line) for line in lines), default=0)
        if name in self.prose:
            words = max((cell_len(word) for line in lines for word in line.split()), default=0)
            widest = min(widest, max(words, _PROSE))
        return max(cell_len(name), widest)


def _printable(cell: Cell) -> Text:
    """Return a cell whose width is that of what is printed."""
    text, style = (cell.plain, cell.style) if isinstance(cell, Text) else (cell, "")
    return Text(printable(text, keep="\n"), style)
