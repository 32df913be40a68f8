"""Selections that stay in the thread that asks for them.

Batches are cleaned side by side, a thread each. Of a selection with fewer expressions than Polars has threads, Polars
shares the parts out among its threads, a column and what it is compared with. To wake them takes a fifth of a batch's
time, and a core from the other batches.

Cells are taken by their places with cells[places]: `gather` is a selection, too, and six times as slow for a few.
"""

from functools import cache

import polars as pl

_UNMATCHED = pl.col("cell").is_not_null() & pl.col("found").is_null()


def select_single_threaded(frame: pl.DataFrame, *expressions: pl.Expr) -> pl.DataFrame:
    """Return what the expressions make of the frame."""
    companions = _companions()
    return pl.DataFrame(frame.select_seq(*expressions, *companions).get_columns()[: -len(companions)])


def single_threaded_column(cells: pl.DataFrame | pl.Series, expression: pl.Expr) -> pl.Series:
    """Return the column that the expression makes of the cells."""
    frame = cells.to_frame() if isinstance(cells, pl.Series) else cells
    return frame.select_seq(expression, *_companions()).to_series()


def unmatched(cells: pl.Series, found: pl.Series) -> pl.Series:
    """Return the places (UInt32) of the cells that hold something of which nothing was found."""
    return row_indices(single_threaded_column(pl.DataFrame([cells.alias("cell"), found.alias("found")]), _UNMATCHED))


def row_indices(told: pl.Series) -> pl.Series:
    """Return the places (UInt32) of what is true. Polars' arg_true goes from row to row, eight times as slow."""
    return pl.int_range(len(told), dtype=pl.UInt32, eager=True).filter(told)


@cache
def _companions() -> list[pl.Expr]:
    """Return as many expressions as Polars has threads, which cost nothing."""
    return [pl.lit(None).alias(f"\0{place}") for place in range(pl.thread_pool_size())]
