"""The rows that a contract leaves out, by the rule that does."""

from collections.abc import Mapping

import polars as pl

from sluice.clean.by_text import ByText
from sluice.clean.dictionary import EncodedColumn
from sluice.contract.model import Contract
from sluice.errors import ContractInvalid
from sluice.runtime.polars_threads import single_threaded_column


class Discards:
    """The rules of a contract that leave rows out, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        # Of `a | b`, where each looks at a column of its own, each can be told by the texts of its column.
        self._rules = [
            (rule.name, _Alternative(when, f"dataset {contract.name!r}: discard {rule.name!r}"))
            for rule in contract.discard
            for when in _alternatives(rule.when)
        ]

    def of(self, text: pl.DataFrame, few: Mapping[str, EncodedColumn]) -> tuple[dict[str, int], pl.Series | None]:
        """Return how many rows each rule leaves out, the first that fits a row, and which rows are kept (Boolean), None
        when all are.

        text: normalised, with the columns that the rules look at; few: the columns of which the texts are few.
        Raises ContractInvalid when a rule cannot run.
        """
        discarded: dict[str, int] = {}
        kept: pl.Series | None = None
        for name, alternative in self._rules:
            fits = alternative.fits(text, few)
            fits = fits if kept is None else fits & kept
            if count := int(fits.sum()):
                discarded[name] = discarded.get(name, 0) + count
                kept = ~fits if kept is None else kept & ~fits
        return discarded, kept


class _Alternative:
    """A rule, or one of those of which any may fit. named: as an error names it."""

    def __init__(self, when: pl.Expr, named: str) -> None:
        self._when = when.fill_null(value=False)
        self._named = named
        columns = set(when.meta.root_names())
        self._column = columns.pop() if len(columns) == 1 else ""
        self._told = ByText(self._tell)

    def fits(self, text: pl.DataFrame, few: Mapping[str, EncodedColumn]) -> pl.Series:
        return self._told.of(text, few.get(self._column))

    def _tell(self, text: pl.DataFrame) -> pl.Series:
        try:
            return single_threaded_column(text, self._when)
        except Exception as error:
            raise ContractInvalid(f"{self._named} cannot run: {error}") from error


def _alternatives(when: pl.Expr) -> list[pl.Expr]:
    """Return a, b and c of `a | b | c`."""
    inputs = when.meta.pop()[::-1]
    if len(inputs) != 2 or when.meta.ne(inputs[0] | inputs[1]):
        return [when]
    return [alternative for one in inputs for alternative in _alternatives(one)]
