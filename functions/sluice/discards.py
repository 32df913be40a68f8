"""The rows that a contract leaves out, by the rule that does."""

from collections.abc import Mapping
from functools import partial

import polars as pl

from sluice.alone import one_alone
from sluice.by_text import ByText
from sluice.contract import Contract
from sluice.few_texts import LookedUp


class Discards:
    """The rules of a contract that leave rows out, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        # Of `a | b`, where each looks at a column of its own, each can be told by the texts of its column.
        self._rules = [
            (rule.name, [_Alternative(one) for one in _alternatives(rule.when)]) for rule in contract.discard
        ]

    def of(self, text: pl.DataFrame, few: Mapping[str, LookedUp]) -> tuple[dict[str, int], pl.Series | None]:
        """Return how many rows each rule leaves out, the first that fits a row, and which rows are left (Boolean), None
        when all are.

        text: normalised, with the columns that the rules look at; few: the columns of which the texts are few.
        """
        discarded: dict[str, int] = {}
        left: pl.Series | None = None
        for name, alternatives in self._rules:
            for alternative in alternatives:
                fits = alternative.fits(text, few)
                fits = fits if left is None else fits & left
                if count := int(fits.sum()):
                    discarded[name] = discarded.get(name, 0) + count
                    left = ~fits if left is None else left & ~fits
        return discarded, left


class _Alternative:
    def __init__(self, when: pl.Expr) -> None:
        columns = set(when.meta.root_names())
        self._column = columns.pop() if len(columns) == 1 else None
        self._fits = ByText(partial(one_alone, expression=when.fill_null(value=False)))

    def fits(self, text: pl.DataFrame, few: Mapping[str, LookedUp]) -> pl.Series:
        return self._fits.of(text, few.get(self._column) if self._column else None)


def _alternatives(when: pl.Expr) -> list[pl.Expr]:
    """Return a, b and c of `a | b | c`."""
    inputs = when.meta.pop()[::-1]
    if len(inputs) != 2 or when.meta.ne(inputs[0] | inputs[1]):
        return [when]
    return [alternative for one in inputs for alternative in _alternatives(one)]
