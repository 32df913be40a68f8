"""Runs a model's checks over a batch of parsed rows and tells, check by check, which rows fail.

pandera judges the types by its schema, of the first batch for all, and the values by its checks, called one by one:
its own report of a frame that fails gathers the failing cells of every check, which costs more than all checks and
is not needed here.
"""

from collections.abc import Iterator

import polars as pl
from pandera import Check
from pandera.api.polars.types import PolarsData
from pandera.backends.polars.register import register_polars_backends
from pandera.config import ValidationDepth, config_context

from sluice.contract.model import Contract
from sluice.errors import ContractInvalid
from sluice.runtime.polars_columns import select_column

# Else pandera imports them at the first validation, when the clock of a request is running.
register_polars_backends()


class Checks:
    """The checks of a contract, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._validated: pl.Schema | None = None  # threads that begin together validate it each, with the same end
        schema = contract.row_schema
        self._of_columns = {
            name: [_Check(contract, check, name) for check in column.checks] for name, column in schema.columns.items()
        }
        self._of_rows = [_Check(contract, check, "") for check in schema.checks]

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
        for name, checks in (*self._of_columns.items(), ("", self._of_rows)):
            if name in lacking:
                yield name, f"{name}_is_present", missing[name]
            for check in checks:
                failed = check.failed(frame)
                if failed.any():
                    yield name, check.reason, failed


class _Check:
    """A check of a column, or of whole rows."""

    def __init__(self, contract: Contract, check: Check, column: str) -> None:
        self._contract = contract
        self._check = check
        self._column = column or "*"
        self.reason = _reason(check, column)

    def failed(self, frame: pl.DataFrame) -> pl.Series:
        """Return the rows that fail (Boolean)."""
        check, rows = self._check, PolarsData(frame.lazy(), self._column)
        try:
            passed = check.get_backend(rows.lazyframe)(check).apply(rows)
            passed = pl.Series([passed]) if isinstance(passed, bool) else passed.collect(engine="in-memory").to_series()
        except Exception as error:
            raise ContractInvalid(f"dataset {self._contract.name!r}: the check {check} cannot run: {error}") from error
        if passed.has_nulls():
            passed = select_column(passed, pl.first().fill_null(check.ignore_na))
        # One answer may stand for all rows.
        return ~(passed if len(passed) == frame.height else passed.new_from_index(0, frame.height))


def _reason(check: Check, column: str) -> str:
    name = getattr(check, "name", None) or str(check)
    return name if not column or name.startswith(column) else f"{column}_{name}"
