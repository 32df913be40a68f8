"""What needs the whole file: imputed values and outlier limits, computed once and then applied row by row.

Both engines build a Plan from their own counts and apply it with the same expressions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from sluice.clean.parse import parse
from sluice.contract.declarations import Constant, Outliers
from sluice.contract.model import Contract
from sluice.engines.statistics import Column, Limits, Summary, mean, median, quartile_limits, scale_of, z_limits


@dataclass(frozen=True)
class Plan:
    """imputed: column → Python value; limits: (outlier rule, limits in units) for those with values."""

    imputed: dict[str, Any] = field(default_factory=dict)
    limits: tuple[tuple[Outliers, Limits], ...] = ()

    def describe(self, contract: Contract) -> dict[str, dict[str, str]]:
        """Return, by column, what the manifest says of it: imputed value and limits, as text."""
        told: dict[str, dict[str, str]] = {}
        for column, value in self.imputed.items():
            told.setdefault(column, {})["imputed"] = str(value)
        for rule, limits in self.limits:
            dtype = contract.types[rule.column]
            told.setdefault(rule.column, {}).update(
                lowest_usual=str(in_type(limits.low, dtype)), highest_usual=str(in_type(limits.high, dtype))
            )
        return told


def plan(contract: Contract, column: Callable[[str], Column], mode: Callable[[str], Any]) -> Plan:
    """Compute a file's plan. column: counts of a numeric column; mode: a column's most frequent value, the
    smallest of several, None without values."""
    counted: dict[str, tuple[Column, Summary]] = {}

    def of(name: str) -> tuple[Column, Summary]:
        if name not in counted:
            counts = column(name)
            counted[name] = (counts, counts.summary())
        return counted[name]

    imputed = {name: _imputed(contract, name, of, mode) for name in contract.impute}
    limits = []
    for rule in contract.outliers:
        counts, summary = of(rule.column)
        if summary.count and rule.iqr is not None:
            limits.append((rule, quartile_limits(counts, summary, rule.iqr)))
        elif summary.count and rule.z_score is not None:
            limits.append((rule, z_limits(summary, rule.z_score)))
    return Plan({name: value for name, value in imputed.items() if value is not None}, tuple(limits))


def counted(contract: Contract) -> list[str]:
    """Return the numeric columns whose values are counted."""
    imputed = [name for name, how in contract.impute.items() if how in ("median", "mean")]
    return list(dict.fromkeys([rule.column for rule in contract.outliers] + imputed))


def _imputed(
    contract: Contract,
    name: str,
    of: Callable[[str], tuple[Column, Summary]],
    mode: Callable[[str], Any],
) -> Any:
    how, dtype = contract.impute[name], contract.types[name]
    if isinstance(how, Constant):
        return parse(pl.Series([how.text]), dtype, contract.reading.dates.get(name, ())).item()
    if how == "mode":
        return mode(name)
    counts, summary = of(name)
    if not summary.count:
        return None
    return in_type(median(counts, summary) if how == "median" else mean(summary), dtype)


def in_type(units: int, dtype: pl.DataType) -> Any:
    """Return a number of units as the Python value of a column's type."""
    if isinstance(dtype, pl.Decimal):
        return Decimal(units).scaleb(-dtype.scale)
    return units / 10 ** scale_of(dtype) if dtype.is_float() else units


def in_units(name: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as whole units (Int64). Floats are rounded to the sixth decimal."""
    column = pl.col(name)
    if isinstance(dtype, pl.Decimal):
        return column.to_physical().cast(pl.Int64)
    scale = 10 ** scale_of(dtype)
    return (column * scale).round(0).cast(pl.Int64) if dtype.is_float() else column.cast(pl.Int64)


def _literal(value: Any, dtype: pl.DataType) -> pl.Expr:
    """Decimals as text: given Python's, Polars imports NumPy where it is, which takes longer than a small file."""
    return pl.lit(f"{value:f}" if isinstance(value, Decimal) else value).cast(dtype)


def applied(contract: Contract, whole: Plan) -> list[pl.Expr]:
    """Return the expressions that flag, clip, impute and partition a parsed row, by column name.

    Flags are judged on the value that the file gave: an imputed or missing value is no outlier.
    """
    columns: dict[str, pl.Expr] = {}
    for rule in contract.outliers:
        if rule.flag:
            columns[rule.flag] = pl.lit(value=False).alias(rule.flag)
    for rule, limits in whole.limits:
        dtype = contract.types[rule.column]
        units = in_units(rule.column, dtype)
        if rule.flag:
            outside = ~units.is_between(limits.low, limits.high)
            columns[rule.flag] = outside.fill_null(value=False).alias(rule.flag)
        if rule.clip:
            low, high = (_literal(in_type(limit, dtype), dtype) for limit in (limits.low, limits.high))
            columns[rule.column] = (
                pl.when(units < limits.low).then(low).when(units > limits.high).then(high).otherwise(rule.column)
            ).alias(rule.column)
    for name, value in whole.imputed.items():
        given = columns.get(name, pl.col(name))
        columns[name] = given.fill_null(_literal(value, contract.types[name])).alias(name)
    for part in contract.partition_by:
        if part.of:
            columns[part.name] = part.expression
    return list(columns.values())


def partition_counts(contract: Contract, kept: pl.LazyFrame, whole: Plan) -> pl.DataFrame:
    """Return the partition columns and `len`, the rows of each partition, in order."""
    names = [part.name for part in contract.partition_by]
    counts = kept.with_columns(applied(contract, whole)).group_by(names).len()
    return counts.collect(engine="streaming").sort(names)
