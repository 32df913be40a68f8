"""Batches put aside between the two passes: the newest few in memory, all others in Parquet files."""

from collections.abc import Iterator, Sequence
from itertools import batched
from pathlib import Path

import polars as pl

HELD_BYTES = 16 << 20
_ROW_GROUP = 131_072


class Spill:
    """Frames of one schema, appended in row order and scanned as often as wanted.

    At most `held_bytes` stay in memory; when there are more, they become a Parquet file in `folder`.
    """

    def __init__(self, folder: Path, schema: dict[str, pl.DataType], held_bytes: int = HELD_BYTES) -> None:
        self.rows = 0
        self._bytes = 0
        self.folder = folder
        self._none = pl.DataFrame(schema=schema)
        self._held_bytes = held_bytes
        self._held: list[pl.DataFrame] = []
        self._size = 0
        self._files: list[Path] = []

    def append(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.rows += frame.height
        size = int(frame.estimated_size())
        self._bytes += size
        self._size += size
        self._held.append(frame.rechunk())
        if self._size > self._held_bytes:
            self._write()

    @property
    def row_bytes(self) -> int:
        """The mean size of a row in memory, rounded up."""
        return max(1, -(-self._bytes // max(1, self.rows)))

    def scan(self) -> pl.LazyFrame:
        """Return all rows in the order in which they came."""
        return _rows(self._files, [self._none, *self._held])

    def scans(self, rows: int) -> Iterator[pl.LazyFrame]:
        """Yield all rows in their order, in parts of about `rows` at most."""
        together = max(1, rows * len(self._files) // max(1, self.rows))
        for files in batched(self._files, together, strict=False):
            yield _rows(files, [])
        if self._held:
            yield _rows([], self._held)

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{len(self._files):06}.parquet"
        pl.concat(self._held).write_parquet(path, compression="lz4", statistics=False, row_group_size=_ROW_GROUP)
        self._files.append(path)
        self._held, self._size = [], 0


def _rows(files: Sequence[Path], frames: Sequence[pl.DataFrame]) -> pl.LazyFrame:
    """Return the rows of files and frames. Each frame is a source of its own: one of many chunks is slow to write."""
    read = [pl.scan_parquet(list(files), glob=False)] if files else []
    return pl.concat([*read, *(frame.lazy() for frame in frames)])


def on_its_own(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a copy that shares no text: the few rows of a filtered frame keep the text of all of its rows alive."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(pl.concat_str(name, pl.lit("")).alias(name) for name in texts)
