"""Batches put aside between the two passes: in memory while they are few, in Parquet files when they are many."""

from collections.abc import Iterator
from itertools import batched
from pathlib import Path

import polars as pl

HELD_BYTES = 16 << 20
_ROW_GROUP = 131_072


class Spill:
    """Frames of one schema, appended in row order and scanned as often as wanted.

    At most `held_bytes` stay in memory; beyond that everything goes to Parquet files in `folder`.
    """

    def __init__(self, folder: Path, schema: dict[str, pl.DataType], held_bytes: int = HELD_BYTES) -> None:
        self.rows = 0
        self.folder = folder
        self._schema = schema
        self._held_bytes = held_bytes
        self._held: list[pl.DataFrame] = []
        self._size = 0
        self._files: list[Path] = []

    def append(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.rows += frame.height
        self._size += int(frame.estimated_size())
        if self._size > self._held_bytes:
            self._held.append(frame)
            self._write()
        else:
            self._held.append(_on_its_own(frame))

    def scan(self) -> pl.LazyFrame:
        """Return all rows in the order in which they came."""
        if self._files:
            self._write()
            return pl.scan_parquet(self._files, glob=False)
        return pl.concat([pl.DataFrame(schema=self._schema), *self._held]).lazy()

    def scans(self, rows: int) -> Iterator[pl.LazyFrame]:
        """Yield all rows in their order, in parts of at most about `rows`."""
        if not self._files:
            yield self.scan()
            return
        self._write()
        files = max(1, rows * len(self._files) // self.rows)
        for some in batched(self._files, files, strict=False):
            yield pl.scan_parquet(list(some), glob=False)

    def _write(self) -> None:
        if not self._held:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{len(self._files):06}.parquet"
        pl.concat(self._held).write_parquet(path, compression="lz4", statistics=False, row_group_size=_ROW_GROUP)
        self._files.append(path)
        self._held, self._size = [], 0


def _on_its_own(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a copy that shares no text: the few rows of a filtered frame keep the text of all of its rows alive."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(pl.concat_str(name, pl.lit("")).alias(name) for name in texts)
