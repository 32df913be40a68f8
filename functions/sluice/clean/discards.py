"""The discard rules of a contract."""

import polars as pl

from sluice.contract.model import Contract
from sluice.errors import ContractInvalid
from sluice.runtime.polars_columns import select_column


class Discards:
    """The discard rules of a contract, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        self._dataset = contract.name
        rules = [(rule.name, rule.when.fill_null(value=False)) for rule in contract.discard]
        self._raw_rules = [rule for rule in rules if "_raw" in rule[1].meta.root_names()]
        self._rules = [rule for rule in rules if "_raw" not in rule[1].meta.root_names()]

    def of_raw(self, malformed: pl.DataFrame) -> tuple[dict[str, int], pl.DataFrame]:
        """Return how many records that cannot be split each rule discards, and the others. Raises as `of`."""
        discarded, remaining = self._first_fit(self._raw_rules, malformed)
        return discarded, malformed if remaining is None else malformed.filter(remaining)

    def of(self, text: pl.DataFrame) -> tuple[dict[str, int], pl.Series | None]:
        """Return how many rows each rule discards (the first that fits a row), and which rows remain (Boolean; None:
        all).

        text: normalised, with the columns that the rules look at. Raises ContractInvalid when a rule cannot run.
        """
        return self._first_fit(self._rules, text)

    def _first_fit(
        self, rules: list[tuple[str, pl.Expr]], text: pl.DataFrame
    ) -> tuple[dict[str, int], pl.Series | None]:
        discarded: dict[str, int] = {}
        remaining: pl.Series | None = None
        for name, when in rules:
            fits = self._fits(name, when, text)
            fits = fits if remaining is None else fits & remaining
            if count := int(fits.sum()):
                discarded[name] = discarded.get(name, 0) + count
                remaining = ~fits if remaining is None else remaining & ~fits
        return discarded, remaining

    def _fits(self, name: str, when: pl.Expr, text: pl.DataFrame) -> pl.Series:
        try:
            fits = select_column(text, when)
        except Exception as error:
            raise ContractInvalid(f"dataset {self._dataset!r}: discard {name!r} cannot run: {error}") from error
        # One answer may stand for all rows.
        return fits if len(fits) == text.height else fits.new_from_index(0, text.height)
