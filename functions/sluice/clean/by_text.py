"""Tells something of the rows of a batch by the few texts of a column, where it depends on nothing else."""

from collections.abc import Callable

import polars as pl

from sluice.clean.dictionary import EncodedColumn


class ByText:
    """A check or a part of a rule, for the batches of a file, in one thread or in several.

    Of the first batch it is told both ways, and holds as told of the rows. What looks at other columns or at other rows
    tells something else of the texts, or cannot be told of them at all: that is told of the rows ever after.

    tell: from rows to what holds for each (Boolean); one answer may stand for them all.
    """

    def __init__(self, tell: Callable[[pl.DataFrame], pl.Series]) -> None:
        self._tell = tell
        self._by_text: bool | None = None

    def of(self, rows: pl.DataFrame, few: EncodedColumn | None) -> pl.Series:
        """Return what holds for each row. few: the cells of the column when its texts are few."""
        # Of a single text, an answer for all cannot be told from one for each.
        if few is None or len(few.done) < 2:
            return self._of_rows(rows)
        if self._by_text is None:
            told = self._of_rows(rows)
            self._by_text = self._agrees(told, few)
            return told
        return self._of_texts(few) if self._by_text else self._of_rows(rows)

    def _agrees(self, told: pl.Series, few: EncodedColumn) -> bool:
        try:
            return told.equals(self._of_texts(few), null_equal=True)
        except Exception:  # whatever it is, it comes of looking at the texts alone
            return False

    def _of_rows(self, rows: pl.DataFrame) -> pl.Series:
        told = self._tell(rows)
        return told if len(told) == rows.height else told.new_from_index(0, rows.height)

    def _of_texts(self, few: EncodedColumn) -> pl.Series:
        told = self._tell(few.done.to_frame())
        if len(told) != len(few.done):
            raise ValueError(f"{len(told)} answers for {len(few.done)} texts")
        return told[few.places]
