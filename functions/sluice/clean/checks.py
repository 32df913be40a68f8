"""Runs a model's checks over a batch of parsed rows, and returns the failing rows of each.

pandera validates the types by its schema, once for all batches of a type, and the values by its checks, called one by
one: its own report of a frame that fails gathers the failing cells of every check, which costs more than all checks
and is not needed here.
"""

from collections.abc import Iterator, Sequence

import polars as pl
from pandera import Check
from pandera.config import ValidationDepth, config_context

from sluice.contract.facts import column_facts, passed, row_facts
from sluice.contract.model import Contract
from sluice.errors import ContractInvalid


class Checks:
    """The checks of a contract, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._validated: pl.Schema | None = None  # several threads may each validate it, with the same result
        model = contract.row.to_schema()
        of_columns = [(name, facts) for name, facts in column_facts(model).items() if name in contract.parsed]
        self._facts = {
            name: [_Fact(contract, name, reason, checks) for reason, checks in facts.items()]
            for name, facts in (*of_columns, ("", row_facts(model)))
        }

    def failing(self, parsed: pl.DataFrame) -> Iterator[tuple[str, str, pl.Series]]:
        """Yield (column, or "" for a check of whole rows; reason; rows that fail, Boolean without nulls) for each
        fact that does not hold for every row, in the model's order.

        Raises ContractInvalid when a check cannot run.
        """
        frame = parsed.select_seq(list(self._contract.parsed))
        if frame.is_empty():
            return
        schema = self._contract.row_schema
        if frame.schema != self._validated:
            with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
                schema.validate(frame)
            self._validated = frame.schema
        lacking = [name for name, column in schema.columns.items() if not column.nullable and frame[name].null_count()]
        missing = frame.select_seq(pl.col(lacking).is_null())
        for name, facts in self._facts.items():
            if name in lacking:
                yield name, f"{name}_is_present", missing[name]
            for fact in facts:
                failed = fact.failed(frame)
                if failed.any():
                    yield name, fact.reason, failed


class _Fact:
    """A fact of a column, or of whole rows (column ""), with the checks that must all pass."""

    def __init__(self, contract: Contract, column: str, reason: str, checks: Sequence[Check]) -> None:
        self._contract = contract
        self._column = column
        self.reason = reason
        self._checks = checks

    def failed(self, frame: pl.DataFrame) -> pl.Series:
        """Return the rows that fail (Boolean)."""
        first, *others = (self._failed(check, frame) for check in self._checks)
        for other in others:
            first |= other
        return first

    def _failed(self, check: Check, frame: pl.DataFrame) -> pl.Series:
        try:
            passes = passed(check, self._column, frame)
        except Exception as error:
            raise ContractInvalid(f"dataset {self._contract.name!r}: the check {check} cannot run: {error}") from error
        return ~passes
