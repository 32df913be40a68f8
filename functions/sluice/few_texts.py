"""A column of few different texts: what is to be done to each cell is done once for each text, and remembered.

Cells are looked up by an Enum; a join wakes Polars' threads.
"""

from collections.abc import Callable

import polars as pl

Work = Callable[[pl.Series], pl.Series]

_SAMPLE = 1_024
_FEW = 512
"""Texts of the sample up to which most cells are expected to hold one of them."""
_UNKNOWN = 8
"""One cell in so many may hold a text that is not known; when more do, the texts have changed."""


class FewTexts:
    """Works out the cells of one column, batch by batch, in one thread or in several: what becomes of a cell depends
    on its text alone, so it does not matter which batch a text was worked out for.

    work: from texts (String) to what becomes of each; null stays null.
    counted: count the texts of a batch that a sample finds to differ much: they are few when most come twice. For work
    that costs more than to count them.
    """

    def __init__(self, work: Work, counted: bool = False) -> None:
        self._work = work
        self._counted = counted
        self._known: tuple[pl.Enum, pl.Series] | None = None

    def worked_out(self, cells: pl.Series) -> pl.Series:
        """Return what becomes of the cells (String)."""
        found = self.looked_up(cells)
        return self._work(cells) if found is None else found

    def looked_up(self, cells: pl.Series) -> pl.Series | None:
        """Return what becomes of the cells (String), or None when they differ much."""
        if self._known and (found := self._among(cells, *self._known)) is not None:
            return found
        texts = self._few(cells)
        if texts is None:
            return None
        self._known = known = pl.Enum(texts), self._work(texts)
        return self._among(cells, *known)

    def _few(self, cells: pl.Series) -> pl.Series | None:
        if len(cells) <= _SAMPLE:
            return None
        few = cells.gather_every(len(cells) // _SAMPLE).n_unique() <= _FEW
        if not few and not self._counted:
            return None
        texts = cells.unique().drop_nulls()
        return texts if few or len(texts) * 2 <= len(cells) else None

    def _among(self, cells: pl.Series, known: pl.Enum, done: pl.Series) -> pl.Series | None:
        places = cells.cast(known, strict=False).to_physical()
        unknown = places.null_count() - cells.null_count()
        if unknown * _UNKNOWN > len(cells):
            return None
        found = done.gather(places).alias(cells.name)
        if not unknown:
            return found
        others = (cells.is_not_null() & places.is_null()).arg_true()
        return found.scatter(others, self._work(cells.gather(others)))
