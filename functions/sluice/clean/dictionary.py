"""Columns with few distinct texts: work is done once for each text, not for each cell."""

from collections.abc import Callable
from typing import cast

import polars as pl

_SAMPLE = 1_024
_DISTINCT = 900
"""Distinct texts of the sample from which on the cells are not dictionary encoded."""
_REPEATS = 4
"""Cells for each distinct text, in the mean, that pay for the encoding."""


def by_distinct_text(work: Callable[[pl.Series], pl.Series], cells: pl.Series) -> pl.Series:
    """Return `work(cells)`, computed from the distinct texts when they repeat much.

    work: elementwise, from String to any type, null to null.
    """
    step = len(cells) // _SAMPLE
    if not step or cells.gather_every(step).n_unique() > _DISTINCT:
        return work(cells)
    encoded = cells.cast(pl.Categorical(pl.Categories.random()))
    indices = encoded.to_physical()
    # The categories of this column alone: numbered from 0.
    count = cast(int, (indices + 1).max() or 0)
    if count * _REPEATS > len(cells):
        return work(cells)
    categories = pl.int_range(count, dtype=pl.UInt32, eager=True).cat.to(encoded.dtype)
    texts = categories.cast(pl.String).alias(cells.name)
    return work(texts)[indices].alias(cells.name)
