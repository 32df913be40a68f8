"""Mistakes in the model of a contract: types that no table has, settings without effect, checks that cannot work."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import pandera.polars as pa
import polars as pl
from pandera import Check

from sluice.contract.column_types import type_problem
from sluice.contract.facts import column_facts, passed, row_facts

if TYPE_CHECKING:
    from sluice.contract.model import Contract

_ROWS = 6
_SAMPLES: dict[type[pl.DataType], list[Any]] = {
    pl.String: ["", "a", "A1", "2025-03-05", "7"],
    pl.Boolean: [True, False],
    pl.Date: [date(2025, 3, 5), date(1970, 1, 1), date(2024, 2, 29)],
    pl.Datetime: [datetime(2025, 3, 5, 14, 7, 9, 250_000), datetime(1970, 1, 1), datetime(2024, 2, 29, 23, 59)],
}


def type_problems(contract: "Contract") -> Iterator[str]:
    """Yield the columns whose type the table or the engines do not have."""
    for name, dtype in contract.types.items():
        if problem := type_problem(dtype):
            yield f"{name}: {problem}"


def model_problems(contract: "Contract") -> Iterator[str]:
    """Yield what is wrong with the model of a contract whose types are right. Each check is run once."""
    schema = contract.row.to_schema()
    yield from _config_problems(contract, schema)
    for name, column in schema.columns.items():
        yield from (f"{name}: {problem}" for problem in _field_problems(contract, name, column))
    yield from _check_problems(contract, schema)


def _config_problems(contract: "Contract", schema: pa.DataFrameSchema) -> Iterator[str]:
    if schema.unique:
        yield "Config.unique: uniqueness is declared in the contract (unique=Unique(...)), not in the model"
    if schema.coerce:
        yield "Config.coerce: text is parsed to the types of the model without it; remove it"
    unknown = {"reject": (None, False, True), "ignore": (None, False, "filter"), "keep": (None, False)}
    if schema.strict not in unknown.get(contract.reading.unknown_columns, ()):
        yield "Config.strict: say what unknown columns do in the contract, with Reading(unknown_columns=...)"
    for setting in ("ordered", "add_missing_columns", "drop_invalid_rows"):
        if getattr(schema, setting, False):
            yield f"Config.{setting} is not honoured; remove it"
    if schema.parsers:
        yield "a dataframe_parser of the model is not run: use a cleaning step of the contract"


def _field_problems(contract: "Contract", name: str, column: Any) -> Iterator[str]:
    if column.unique:
        yield "uniqueness is declared in the contract (unique=Unique(...)), not in the model"
    if column.coerce:
        yield "coerce: text is parsed to the type of the model without it; remove it"
    if column.default is not None:
        yield "default: declare a cleaning step Fill, or impute it with a Constant"
    if column.regex:
        yield "regex: each column has one name; write one field for each"
    if not column.required:
        yield "Optional: say in the contract that a file may lack it, with Reading(optional=...)"
    if column.parsers:
        yield "a parser of the model is not run: use a cleaning step of the contract"
    if column.checks and name in contract.derived:
        yield "it is computed after the checks: its own would never run"
    for check in column.checks:
        if check.raise_warning:
            yield f"{check.name}: a check quarantines, it does not warn; remove raise_warning"
        yield from _limit_problems(contract.types[name], check)


def _limit_problems(dtype: pl.DataType, check: Check) -> Iterator[str]:
    settings = check.statistics or {}
    if check.name in ("isin", "notin"):
        (values,) = settings.values()
        if isinstance(values, str):
            # pandera takes `isin=("EUR",)` for `isin="EUR"`, that is for its letters.
            yield f"{check.name} takes a list, such as {check.name}=[{values!r}]"
        elif not values:
            yield f"{check.name} has an empty list"
    least, most = settings.get("min_value"), settings.get("max_value")
    if check.name not in _LIMITS or not (ends := _ends(dtype)):
        return
    if least is not None and (most if most is not None else ends[1]) < least:
        yield f"{check.name}: no {dtype} is at least {least}" + ("" if most is None else f" and at most {most}")
    elif most is not None and most < ends[0]:
        yield f"{check.name}: no {dtype} is at most {most}"
    # One end of in_range may hold for every value, as long as the other can fail.
    elif (least is None or least < ends[0]) and (most is None or most > ends[1]):
        limits = " to ".join(str(limit) for limit in (least, most) if limit is not None)
        yield f"{check.name} {limits} can never fail: a {dtype} is from {ends[0]} to {ends[1]}"


_LIMITS = ("greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to", "in_range")


def _ends(dtype: pl.DataType) -> tuple[Any, Any] | None:
    if isinstance(dtype, pl.Decimal):
        most = Decimal(10**dtype.precision - 1).scaleb(-dtype.scale)
        return -most, most
    if dtype.is_signed_integer():
        half = 1 << int(str(dtype).removeprefix("Int")) - 1
        return -half, half - 1
    return None


def _check_problems(contract: "Contract", schema: pa.DataFrameSchema) -> Iterator[str]:
    frame = pl.DataFrame(
        {
            name: pl.Series(list(islice(cycle(_values(dtype, nullable=schema.columns[name].nullable)), _ROWS))).cast(
                dtype
            )
            for name, dtype in contract.parsed.items()
        }
    )
    facts = {name: facts for name, facts in column_facts(schema).items() if name in contract.parsed}
    for name, of_column in {**facts, "": row_facts(schema)}.items():
        for reason, checks in of_column.items():
            for check in checks:
                if problem := _run(check, name, frame):
                    yield f"the check {reason} {problem}"


def _run(check: Check, column: str, frame: pl.DataFrame) -> str | None:
    try:
        whole, *parts = (passed(check, column, rows) for rows in (frame, frame.head(1), frame.tail(-1)))
    except Exception as error:  # whatever a check raises
        return f"cannot run: {str(error).partition('\n')[0]}"
    if whole.dtype != pl.Boolean():
        return f"must say true or false of each row, not {whole.dtype}"
    if len(whole) != frame.height:
        return "answers once for all rows: it must say true or false of each row"
    if not whole.equals(pl.concat(parts)):
        return "depends on other rows: a check sees the rows of one batch, so it must depend on its own row alone"
    return None


def _values(dtype: pl.DataType, *, nullable: bool) -> list[Any]:
    if isinstance(dtype, pl.Decimal):
        # Not all decimals hold 1. As text: given Python's decimals, Polars imports NumPy where it is.
        values: list[Any] = [f"{Decimal(unit).scaleb(-dtype.scale):f}" for unit in (0, 1, -1, 7)]
    else:
        numbers = [0.0, 1.5, -1.5] if dtype.is_float() else [0, 1, -1, 7]
        values = _SAMPLES.get(dtype.base_type(), numbers)
    return [*values, None] if nullable else values
