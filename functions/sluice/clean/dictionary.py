"""A column of few different texts: what is to be done to each cell is done once for each text, and remembered.

Cells are looked up by an Enum; a join wakes Polars' threads.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from sluice.runtime.polars_columns import unmatched

Work = Callable[[pl.Series], pl.Series]

_SAMPLE = 1_024
_FEW = 512
"""Texts of the sample up to which most cells are expected to hold one of them."""
_TIMES = 4
"""Texts are few when they come so often, in the mean; then they are still fewer among more cells."""
_REST = 16
"""Batches after which texts are counted again, when they were not few."""
_UNKNOWN = 8
"""One cell in so many may hold a text that is not known; when more do, the texts have changed."""


@dataclass(frozen=True)
class EncodedColumn:
    """The cells of a column, by their texts. done: what became of each text; places: of each cell's text among them
    (unsigned), null for null."""

    done: pl.Series
    places: pl.Series

    def cells(self) -> pl.Series:
        """Return what became of each cell."""
        return self.done[self.places]


class DictionaryEncoder:
    """Works out the cells of one column, batch by batch, in one thread or in several: what becomes of a cell depends
    on its text alone, so it does not matter which batch a text was worked out for.

    work: from texts (String) to what becomes of each; null stays null.
    counted: count the texts of a batch that a sample finds to differ much. For work that costs more than to count them.
    """

    def __init__(self, work: Work, counted: bool = False) -> None:
        self._work = work
        self._counted = counted
        self._rest = 0
        self._known: _Known | None = None

    def worked_out(self, cells: pl.Series) -> pl.Series:
        """Return what becomes of the cells (String)."""
        found = self.looked_up(cells)
        return self._work(cells) if found is None else found.cells()

    def looked_up(self, cells: pl.Series) -> EncodedColumn | None:
        """Return what becomes of the cells (String), or None when they differ much."""
        known = self._known  # another thread may learn others meanwhile, or forget these
        if known and (found := self._among(cells, known)) is not None:
            return found
        texts = self._few(cells)
        if texts is None:
            self._known = None
            return None
        self._known = known = _Known(texts, self._work(texts))
        return self._among(cells, known)

    def _few(self, cells: pl.Series) -> pl.Series | None:
        if len(cells) <= _SAMPLE:
            return None
        few = cells.gather_every(len(cells) // _SAMPLE).n_unique() <= _FEW
        if not few and not self._counts_now():
            return None
        texts = cells.unique().drop_nulls()
        return texts if few or len(texts) * _TIMES <= len(cells) else None

    def _counts_now(self) -> bool:
        if not self._counted:
            return False
        self._rest = self._rest - 1 if self._rest else _REST
        return self._rest == _REST

    def _among(self, cells: pl.Series, known: "_Known") -> EncodedColumn | None:
        places = known.places(cells)
        unknown = places.null_count() - cells.null_count()
        if unknown * _UNKNOWN > len(cells):
            return None
        done = known.done
        if unknown:
            others = unmatched(cells, places)
            new = pl.int_range(len(done), len(done) + len(others), dtype=pl.UInt32, eager=True)
            places = places.cast(pl.UInt32).scatter(others, new)  # of few texts they are UInt8
            done = pl.concat([done, self._work(cells[others])], rechunk=True)
        return EncodedColumn(done.alias(cells.name), places)


class _Known:
    """Texts, and what becomes of each."""

    def __init__(self, texts: pl.Series, done: pl.Series) -> None:
        self.done = done
        # An Enum is made ready for lookups once, in an expression; to cast a column would do it each time.
        self._place = pl.first().cast(pl.Enum(texts), strict=False).to_physical()

    def places(self, cells: pl.Series) -> pl.Series:
        """Return the place of each cell's text, null where it is not known."""
        return cells.to_frame().select_seq(self._place).to_series()
