"""What each distinct text of a column means, worked out once a file: a file has few dates and many rows."""

from collections.abc import Callable

import polars as pl

Meaning = Callable[[pl.Series], tuple[pl.Series, pl.Series]]
"""From cells as the file has them to their normalised text (String) and their values, each on its own."""

MOST_TEXTS = 100_000
"""Distinct texts that a column's vocabulary remembers; beyond, it forgets them and begins anew."""
_NEW_SHARE = 4
"""A column of which every fourth cell is new is not one of few texts: looking up costs more than working out."""


class Vocabulary:
    """The texts of one column so far, what they mean, and whether looking them up is worth while (`helps`)."""

    def __init__(self, meaning: Meaning, sample: pl.Series) -> None:
        """Take a first look at some of the column's cells."""
        self.helps = sample.n_unique() * 2 <= len(sample)
        self._meaning = meaning
        self._forget()

    def _forget(self) -> None:
        # Codes are dense and are given in the order in which texts are met: they are places in the known ones.
        self._coded = pl.Categorical(pl.Categories.random())
        # Polars forgets the codes with the last series that has them.
        self._holder = pl.Series([], dtype=self._coded)
        self._text, self._value = self._meaning(pl.Series([], dtype=pl.String))

    def codes(self, column: str) -> pl.Expr:
        """Return the expression that makes codes of a column's cells (String; a null has none)."""
        return pl.col(column).cast(self._coded).to_physical()

    def look_up(self, cells: pl.Series, codes: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the normalised text and the value of each cell."""
        self._learn(cells, codes)
        found = self._text[codes], self._value[codes]
        if len(self._text) > MOST_TEXTS:
            self._forget()
        return found

    def _learn(self, cells: pl.Series, codes: pl.Series) -> None:
        known = len(self._text)
        last = codes.max()
        if last is None or last < known:  # type: ignore[operator]
            return
        met = pl.DataFrame({"code": codes, "cell": cells}).lazy().filter(pl.col("code") >= known)
        text, value = self._meaning(met.unique("code").sort("code").collect()["cell"])
        self._text = pl.concat([self._text, text], rechunk=True)
        self._value = pl.concat([self._value, value], rechunk=True)
        self.helps = len(text) * _NEW_SHARE <= len(cells)
