"""The first quarantined rows of a run as CSV: to look at; `sluice quarantine --export` has all, to correct."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sluice.runtime.text import quoted

MOST_ROWS = 1_000
MOST_BYTES = 64 * 1024**2
"""The most rows of one CSV, and the most bytes of Parquet files that are fetched for them."""

_FIRST = ("_source_key", "_row_number", "_reasons", "_raw")


def csv(files: Sequence[Path]) -> str:
    """Return the first rows of quarantine files. Personal cells are masked there; formulas are quoted here."""
    scan = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    rows = scan.head(MOST_ROWS).collect(engine="streaming").with_columns(pl.col("_reasons").list.join("; "))
    columns = [*_FIRST, *(name for name in rows.columns if name not in (*_FIRST, "_run_id"))]
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    safe = rows.with_columns(
        pl.Series(name, [None if cell is None else quoted(cell) for cell in rows[name]], dtype=pl.String)
        for name in texts
    )
    return safe.select(columns).write_csv()
