"""Imputed values and the usual ranges of outlier rules: computed once from the whole file, then applied row by row.

Both engines build a Plan from their own counts and apply it with the same expressions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from sluice.contract.declarations import Constant, Outliers
from sluice.contract.model import Contract
from sluice.contract.values import parse
from sluice.engines.statistics import (
    ColumnCounts,
    Summary,
    UsualRange,
    mean,
    median,
    quartile_range,
    scale_of,
    z_score_range,
)


@dataclass(frozen=True)
class Plan:
    """imputed: column → Python value; ranges: (outlier rule, usual range in units) of the columns with values."""

    imputed: dict[str, Any] = field(default_factory=dict)
    ranges: tuple[tuple[Outliers, UsualRange], ...] = ()

    def describe(self, contract: Contract) -> dict[str, dict[str, str]]:
        """Return, by column, the manifest's statistics as text: `imputed`, `lowest_usual`, `highest_usual`."""
        found: dict[str, dict[str, str]] = {}
        for column, value in self.imputed.items():
            found.setdefault(column, {})["imputed"] = str(value)
        for rule, usual in self.ranges:
            dtype = contract.types[rule.column]
            found.setdefault(rule.column, {}).update(
                lowest_usual=str(in_type(usual.low, dtype)), highest_usual=str(in_type(usual.high, dtype))
            )
        return found


def plan(contract: Contract, column: Callable[[str], ColumnCounts], mode: Callable[[str], Any]) -> Plan:
    """Compute a file's plan. column: counts of a numeric column; mode: a column's most frequent value, the
    smallest of several, None without values."""
    counted: dict[str, tuple[ColumnCounts, Summary]] = {}

    def of(name: str) -> tuple[ColumnCounts, Summary]:
        if name not in counted:
            counts = column(name)
            counted[name] = (counts, counts.summary())
        return counted[name]

    imputed = {name: _imputed(contract, name, of, mode) for name in contract.impute}
    ranges = []
    for rule in contract.outliers:
        counts, summary = of(rule.column)
        if summary.count and rule.iqr is not None:
            ranges.append((rule, quartile_range(counts, summary, rule.iqr)))
        elif summary.count and rule.z_score is not None:
            ranges.append((rule, z_score_range(summary, rule.z_score)))
    return Plan({name: value for name, value in imputed.items() if value is not None}, tuple(ranges))


def counted(contract: Contract) -> list[str]:
    """Return the numeric columns whose values are counted."""
    imputed = [name for name, how in contract.impute.items() if how in ("median", "mean")]
    return list(dict.fromkeys([rule.column for rule in contract.outliers] + imputed))


def _imputed(
    contract: Contract,
    name: str,
    of: Callable[[str], tuple[ColumnCounts, Summary]],
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
    """Return a literal. Decimals as text: given Python's, Polars imports NumPy where it is installed, which is slow."""
    return pl.lit(f"{value:f}" if isinstance(value, Decimal) else value).cast(dtype)


def applied(contract: Contract, whole: Plan) -> list[pl.Expr]:
    """Return the expressions that flag, clip, impute and partition a parsed row, by column name.

    A flag is computed from the value in the file: an imputed or missing value is no outlier.
    """
    columns: dict[str, pl.Expr] = {}
    for rule in contract.outliers:
        if rule.flag:
            columns[rule.flag] = pl.lit(value=False).alias(rule.flag)
    for rule, usual in whole.ranges:
        dtype = contract.types[rule.column]
        units = in_units(rule.column, dtype)
        if rule.flag:
            outside = ~units.is_between(usual.low, usual.high)
            columns[rule.flag] = outside.fill_null(value=False).alias(rule.flag)
        if rule.clip:
            low, high = (_literal(in_type(limit, dtype), dtype) for limit in (usual.low, usual.high))
            columns[rule.column] = (
                pl.when(units < usual.low).then(low).when(units > usual.high).then(high).otherwise(rule.column)
            ).alias(rule.column)
    for name, value in whole.imputed.items():
        given = columns.get(name, pl.col(name))
        columns[name] = given.fill_null(_literal(value, contract.types[name])).alias(name)
    for part in contract.partition_by:
        if part.of:
            columns[part.name] = part.expression
    return list(columns.values())


def partition_counts(contract: Contract, rows: pl.LazyFrame, whole: Plan) -> pl.DataFrame:
    """Return the partition columns and `len`, the number of rows, in the order of the partitions."""
    names = [part.name for part in contract.partition_by]
    counts = rows.with_columns(applied(contract, whole)).group_by(names).len()
    return counts.collect(engine="streaming").sort(names)
