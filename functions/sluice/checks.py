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

from sluice.alone import one_alone
from sluice.contract import Contract
from sluice.errors import ContractInvalid

# Else pandera imports them at the first validation, when the clock of a request is running.
register_polars_backends()


class Checks:
    """The checks of a contract, for the batches of a file."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._judged: pl.Schema | None = None  # threads that begin together judge it each, with the same end

    def failing(self, parsed: pl.DataFrame) -> Iterator[tuple[str, str, pl.Series]]:
        """Yield (column, or "" for a check of whole rows; reason; rows that fail, Boolean without nulls) for each
        fact that does not hold for every row, in the model's order.

        Raises ContractInvalid when a check cannot run.
        """
        contract = self._contract
        frame = parsed.select_seq(list(contract.parsed))
        if frame.is_empty():
            return
        schema = contract.row_schema
        if frame.schema != self._judged:
            with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
                schema.validate(frame)
            self._judged = frame.schema
        lacking = [name for name, column in schema.columns.items() if not column.nullable and frame[name].null_count()]
        missing = frame.select_seq(pl.col(lacking).is_null())
        for name, column in schema.columns.items():
            if name in lacking:
                yield name, f"{name}_is_present", missing[name]
            for check in column.checks:
                failed = _failed(contract, check, frame, name)
                if failed.any():
                    yield name, _reason(check, name), failed
        for check in schema.checks:
            failed = _failed(contract, check, frame, None)
            if failed.any():
                yield "", _reason(check, ""), failed


def _failed(contract: Contract, check: Check, frame: pl.DataFrame, column: str | None) -> pl.Series:
    rows = PolarsData(frame.lazy(), column or "*")
    try:
        passed = check.get_backend(rows.lazyframe)(check).apply(rows)
        # As a stream it would be shared out among Polars' threads; see alone.
        passed = pl.Series([passed]) if isinstance(passed, bool) else passed.collect(engine="in-memory").to_series()
    except Exception as error:
        raise ContractInvalid(f"dataset {contract.name!r}: the check {check} cannot run: {error}") from error
    if passed.has_nulls():
        passed = one_alone(passed, pl.first().fill_null(check.ignore_na))
    failed = ~passed
    # A check may answer for the frame as a whole.
    return failed if failed.len() == frame.height else failed.new_from_index(0, frame.height)


def _reason(check: Check, column: str) -> str:
    name = getattr(check, "name", None) or str(check)
    return name if not column or name.startswith(column) else f"{column}_{name}"
