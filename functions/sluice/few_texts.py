"""A column of few different texts: what is to be done to each cell is done once for each text.

work: what becomes of a cell depends on that cell alone. Cells are looked up by an Enum; a join wakes Polars' threads.
"""

from collections.abc import Callable

import polars as pl

Work = Callable[[pl.Series], pl.Series]

_SAMPLE = 1_024
_FEW = 512
"""Texts of the sample up to which most cells are expected to hold one of them."""


def by_sample(cells: pl.Series, work: Work) -> pl.Series | None:
    """Return `work` of the cells (String), or None when they differ much.

    It is done to the texts of a sample, and to the cells that hold others.
    """
    texts = cells.gather_every(max(1, len(cells) // _SAMPLE)).unique().drop_nulls()
    if len(texts) > _FEW or len(cells) <= _SAMPLE:
        return None
    places = cells.cast(pl.Enum(texts), strict=False).to_physical()
    done = work(texts).gather(places).alias(cells.name)
    others = places.is_null().arg_true()
    return done.scatter(others, work(cells.gather(others))) if len(others) else done


def by_distinct(cells: pl.Series, work: Work) -> pl.Series:
    """Return `work` of the cells (String), done to each of their texts, or to all cells when most differ."""
    texts = cells.unique().drop_nulls()
    if len(texts) * 2 > len(cells):
        return work(cells)
    return work(texts).gather(cells.cast(pl.Enum(texts)).to_physical()).alias(cells.name)
