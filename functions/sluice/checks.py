"""Runs a model's checks over a batch of parsed rows and tells, check by check, which rows fail.

pandera judges the types by its schema and the values by its checks, called one by one: its own report of a frame
that fails gathers the failing cells of every check, which costs more than all checks and is not needed here.
"""

from collections.abc import Iterator

import polars as pl
from pandera import Check
from pandera.backends.polars.register import register_polars_backends
from pandera.config import ValidationDepth, config_context

from sluice.contract import Contract
from sluice.errors import ContractInvalid

# Else pandera imports them at the first validation, when the clock of a request is running.
register_polars_backends()


def failing(contract: Contract, parsed: pl.DataFrame) -> Iterator[tuple[str, str, pl.Series]]:
    """Yield (column, or "" for a check of whole rows; reason; rows that fail, Boolean without nulls) for each fact
    that does not hold for every row, in the model's order.

    Raises ContractInvalid when a check cannot run.
    """
    frame = parsed.select(list(contract.parsed))
    if frame.is_empty():
        return
    schema = contract.row_schema
    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        schema.validate(frame)
    for name, column in schema.columns.items():
        if not column.nullable and frame[name].null_count():
            yield name, f"{name}_is_present", frame[name].is_null()
        for check in column.checks:
            failed = _failed(contract, check, frame, name)
            if failed.any():
                yield name, _reason(check, name), failed
    for check in schema.checks:
        failed = _failed(contract, check, frame, None)
        if failed.any():
            yield "", _reason(check, ""), failed


def _failed(contract: Contract, check: Check, frame: pl.DataFrame, column: str | None) -> pl.Series:
    try:
        passed = check(frame.lazy(), column).check_output.collect().to_series()
    except Exception as error:
        raise ContractInvalid(f"dataset {contract.name!r}: the check {check} cannot run: {error}") from error
    failed = ~passed.fill_null(value=False)
    # A check may answer for the frame as a whole.
    return failed if failed.len() == frame.height else failed.new_from_index(0, frame.height)


def _reason(check: Check, column: str) -> str:
    name = getattr(check, "name", None) or str(check)
    return name if not column or name.startswith(column) else f"{column}_{name}"
