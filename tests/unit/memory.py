"""What a frame keeps in memory."""

import polars as pl


def text_kept_alive(texts: pl.Series) -> int:
    """Return the bytes of a String column's buffers, those of rows that it has no more included."""
    arrow = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    return sum(buffer.size for buffer in arrow.buffers() if buffer)
