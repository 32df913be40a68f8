"""Exact statistics of a numeric column in bounded memory, the same for every engine.

An engine only counts: the values, their sum, how many fall into each of some thousand bins. The bins that hold the
wanted ranks are divided until each holds one value, so medians and quartiles are exact without sorting or holding the
column. All values are whole units: cents of a decimal(12,2).
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import Protocol

import polars as pl

BINS = 1 << 14
FLOAT_SCALE = 6


@dataclass(frozen=True)
class Summary:
    """count, smallest, largest, sum and sum of squares of the present values, in units."""

    count: int
    lowest: int
    highest: int
    total: int
    squares: int


class ColumnCounts(Protocol):
    """The counts of one numeric column of the deduplicated rows, in units."""

    def summary(self) -> Summary: ...

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        """Return bin → count of the values from low to high, where bin = (value - low) // width."""


@dataclass(frozen=True)
class UsualRange:
    """The range in which a value is no outlier, both ends included, in units."""

    low: int
    high: int


def scale_of(dtype: pl.DataType) -> int:
    """Return the decimals of a unit: 0 for whole numbers, a decimal's scale, 6 for floats."""
    if isinstance(dtype, pl.Decimal):
        return dtype.scale
    return FLOAT_SCALE if dtype.is_float() else 0


def median(column: ColumnCounts, summary: Summary) -> int:
    """Return the linear median, rounded half away from zero to a whole unit."""
    return half_away(quantiles(column, summary, [Fraction(1, 2)])[0])


def mean(summary: Summary) -> int:
    """Return the mean, rounded half away from zero to a whole unit."""
    return half_away(Fraction(summary.total, summary.count))


def quartile_range(column: ColumnCounts, summary: Summary, factor: float) -> UsualRange:
    """Return Q1 - factor·IQR to Q3 + factor·IQR with linear quartiles (Tukey, Exploratory Data Analysis, 1977)."""
    first, third = quantiles(column, summary, [Fraction(1, 4), Fraction(3, 4)])
    reach = (third - first) * Fraction(str(factor))
    return UsualRange(math.ceil(first - reach), math.floor(third + reach))


def z_score_range(summary: Summary, z: float) -> UsualRange:
    """Return the whole units x with |x - mean| <= z population standard deviations.

    With n, S = Σx, Q = Σx²: |x - S/n| > z·sqrt(Q/n - (S/n)²) exactly when |n·x - S| > sqrt(z²·(n·Q - S²)), in
    whole numbers on the left, so the root may be floored and nothing is lost to rounding.
    """
    spread = Fraction(str(z)) ** 2 * (summary.count * summary.squares - summary.total**2)
    reach = math.isqrt(math.floor(spread))
    return UsualRange(
        math.ceil(Fraction(summary.total - reach, summary.count)),
        math.floor(Fraction(summary.total + reach, summary.count)),
    )


def quantiles(column: ColumnCounts, summary: Summary, shares: list[Fraction]) -> list[Fraction]:
    """Return linear quantiles (type 7 of Hyndman & Fan, 1996): the value at rank share·(n - 1), interpolated."""
    positions = [(summary.count - 1) * share for share in shares]
    ranks = {rank for position in positions for rank in (math.floor(position), math.ceil(position))}
    values = order_statistics(column, ranks, summary.lowest, summary.highest)
    return [
        values[math.floor(at)] + (values[math.ceil(at)] - values[math.floor(at)]) * (at - math.floor(at))
        for at in positions
    ]


def order_statistics(
    column: ColumnCounts, ranks: Collection[int], low: int, high: int, before: int = 0
) -> dict[int, int]:
    """Return the values at these ranks (from 0, in ascending order); `before` values are smaller than low."""
    width = max(1, -(-(high - low + 1) // BINS))
    found: dict[int, int] = {}
    for position, count in sorted(column.histogram(low, high, width).items()):
        inside = {rank for rank in ranks if before <= rank < before + count}
        start = low + position * width
        if inside and width == 1:
            found |= dict.fromkeys(inside, start)
        elif inside:
            found |= order_statistics(column, inside, start, min(start + width - 1, high), before)
        before += count
    return found


def half_away(value: Fraction) -> int:
    """Round half away from zero, as invoices do and as the contract's decimals do."""
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


FEW_VALUES = 200_000
"""Distinct values up to which the values of a column are counted once and held in memory."""
SCHEMA = {"unit": pl.Int64(), "count": pl.Int64()}


@dataclass(frozen=True)
class FewValues:
    """ColumnCounts of counted values. counts: `unit` Int64, each once, and `count` Int64."""

    counts: pl.DataFrame

    def summary(self) -> Summary:
        # Python's whole numbers: the squares of large ones exceed every fixed width.
        units, counts = self.counts["unit"].to_list(), self.counts["count"].to_list()
        totals = list(map(mul, units, counts))
        squares = sum(map(mul, units, totals))
        return Summary(sum(counts), min(units, default=0), max(units, default=0), sum(totals), squares)

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self.counts.filter(pl.col("unit").is_between(low, high))
        bins = inside.group_by((pl.col("unit") - low) // width).agg(pl.col("count").sum())
        return dict(bins.iter_rows())

    def __add__(self, other: "FewValues") -> "FewValues":
        return FewValues(pl.concat([self.counts, other.counts]).group_by("unit").agg(pl.col("count").sum()))


def count(units: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return FewValues.counts of a column of units (Int64); nulls are not counted."""
    unit = units.select(pl.col(name).drop_nulls().alias("unit"))
    return unit.group_by("unit").agg(pl.len().cast(pl.Int64).alias("count"))
