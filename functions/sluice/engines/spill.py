"""Rows held between the two passes: in memory, or spilled to Parquet files when there are many."""

from collections.abc import Callable, Iterator, Sequence
from itertools import batched
from pathlib import Path

import polars as pl

HELD_BYTES = 224 << 20
"""About a million rows."""
FILE_BYTES = 32 << 20
_ROW_GROUP = 131_072
_VIEW = 16
"""Bytes of a text's view in its column, besides the text itself."""


class Spill:
    """Frames of one schema, appended in row order and scanned as often as wanted.

    Above `held_bytes` in memory, rows are spilled to Parquet files of about `file_bytes` each in `folder`.
    """

    def __init__(
        self,
        folder: Path,
        schema: dict[str, pl.DataType],
        held_bytes: int = HELD_BYTES,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        self.rows = 0
        self.folder = folder
        self._bytes = 0
        self._none = pl.DataFrame(schema=schema)
        self._held_bytes = held_bytes
        self._file_bytes = file_bytes
        self._held: list[pl.DataFrame] = []
        self._files: list[Path] = []

    def append(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.rows += frame.height
        self._bytes += bytes_of(frame)
        self._held.append(frame.rechunk())
        if self._bytes > self._held_bytes:
            self._write()

    @property
    def row_bytes(self) -> int:
        """The mean size of a row in memory, rounded up."""
        return max(1, -(-self._bytes // max(1, self.rows)))

    def scan(self) -> pl.LazyFrame:
        """Return all rows in the order in which they came."""
        files = [_files(self._files)] if self._files else []
        return pl.concat([*files, _frames([self._none, *self._held])])

    def scans(self, rows: int) -> Iterator[pl.LazyFrame]:
        """Yield all rows in their order, about `rows` at a time at most."""
        at_once = max(1, rows * len(self._files) // max(1, self.rows))
        yield from map(_files, batched(self._files, at_once, strict=False))
        yield from map(_frames, _grouped(self._held, rows, lambda frame: frame.height))

    def _write(self) -> None:
        *files, latest = _grouped(self._held, self._file_bytes, bytes_of)
        self._held = latest
        for frames in files:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{len(self._files):06}.parquet"
            rows = pl.concat(frames)
            rows.write_parquet(path, compression="uncompressed", statistics=False, row_group_size=_ROW_GROUP)
            self._files.append(path)


def bytes_of(frame: pl.DataFrame) -> int:
    """Return the approximate size of a frame in memory; Polars' estimate has no views of texts."""
    texts = sum(dtype == pl.String for dtype in frame.dtypes)
    return int(frame.estimated_size()) + _VIEW * texts * frame.height


def _files(files: Sequence[Path]) -> pl.LazyFrame:
    return pl.scan_parquet(list(files), glob=False)


def _frames(frames: Sequence[pl.DataFrame]) -> pl.LazyFrame:
    # One frame of many chunks would be slow to write.
    return pl.concat([frame.lazy() for frame in frames])


def _grouped(
    frames: Sequence[pl.DataFrame], most: int, size: Callable[[pl.DataFrame], int]
) -> Iterator[list[pl.DataFrame]]:
    """Yield the frames in groups whose sizes add up to `most` at most, or that have one frame."""
    group: list[pl.DataFrame] = []
    so_far = 0
    for frame in frames:
        so_far += size(frame)
        if group and so_far > most:
            yield group
            group, so_far = [], size(frame)
        group.append(frame)
    if group:
        yield group
