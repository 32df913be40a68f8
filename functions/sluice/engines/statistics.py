"""Exact statistics of a numeric column in bounded memory, the same for every engine.

An engine only counts: the values, their sum, how many fall into each of some thousand bins. The bins that hold the
wanted ranks are divided until each holds one value, so medians and quartiles are exact without sorting or holding the
column.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import Protocol, Self

import polars as pl

from sluice.engines.scale import HALF, LOW, Scale

BINS = 1 << 14


@dataclass(frozen=True)
class Group:
    """Sums over the ordinals of one high = ordinal // LOW; low = ordinal % LOW is split into halves: a·HALF + b."""

    high: int
    count: int
    a: int
    b: int
    aa: int
    ab: int
    bb: int


@dataclass(frozen=True)
class Summary:
    """count, smallest and largest (ordinals), sum and sum of squares (units) of the present values."""

    count: int
    lowest: int
    highest: int
    total: int
    squares: int

    @classmethod
    def of(cls, scale: Scale, lowest: int, highest: int, groups: Iterable[Group]) -> Self:
        """Return the summary of counted ordinals. lowest, highest: ordinals."""
        count = total = squares = 0
        for group in groups:
            start = scale.units(group.high * LOW)
            step = scale.units(group.high * LOW + 1) - start
            low = group.a * HALF + group.b
            low_squared = group.aa * HALF**2 + 2 * group.ab * HALF + group.bb
            count += group.count
            total += group.count * start + step * low
            squares += group.count * start**2 + 2 * start * step * low + step**2 * low_squared
        return cls(count, lowest, highest, total, squares)


class ColumnCounts(Protocol):
    """The counts of one numeric column of the deduplicated rows, by ordinals."""

    @property
    def scale(self) -> Scale: ...

    def summary(self) -> Summary: ...

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        """Return bin → count of the ordinals from low to high: bin = ordinal // width, a power of two."""


@dataclass(frozen=True)
class UsualRange:
    """The range in which a value is no outlier, both ends included, as ordinals of the type."""

    low: int
    high: int


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
    return _range(column.scale, first - reach, third + reach)


def z_score_range(scale: Scale, summary: Summary, z: float) -> UsualRange:
    """Return the values x with |x - mean| <= z population standard deviations.

    With n, S = Σx, Q = Σx²: |x - S/n| > z·sqrt(Q/n - (S/n)²) exactly when |n·x - S| > sqrt(z²·(n·Q - S²)), in
    whole numbers on the left, so the root may be floored and nothing is lost to rounding.
    """
    spread = Fraction(str(z)) ** 2 * (summary.count * summary.squares - summary.total**2)
    reach = math.isqrt(math.floor(spread))
    low, high = (Fraction(summary.total + end, summary.count) for end in (-reach, reach))
    return _range(scale, low, high)


def _range(scale: Scale, low: Fraction, high: Fraction) -> UsualRange:
    return UsualRange(scale.at_least(math.ceil(low)), scale.at_most(math.floor(high)))


def quantiles(column: ColumnCounts, summary: Summary, shares: list[Fraction]) -> list[Fraction]:
    """Return linear quantiles (type 7 of Hyndman & Fan, 1996): the value at rank share·(n - 1), interpolated."""
    positions = [(summary.count - 1) * share for share in shares]
    ranks = {rank for position in positions for rank in (math.floor(position), math.ceil(position))}
    found = order_statistics(column, ranks, summary.lowest, summary.highest)
    values = {rank: column.scale.units(ordinal) for rank, ordinal in found.items()}
    return [
        values[math.floor(at)] + (values[math.ceil(at)] - values[math.floor(at)]) * (at - math.floor(at))
        for at in positions
    ]


def order_statistics(
    column: ColumnCounts, ranks: Collection[int], low: int, high: int, before: int = 0
) -> dict[int, int]:
    """Return the ordinals at these ranks (from 0, in ascending order); `before` values are smaller than low."""
    # A power of two: a difference of two ordinals can exceed 64 bits, so bins begin at multiples of the width.
    width = 1 << ((high - low) // BINS).bit_length()
    found: dict[int, int] = {}
    for position, count in sorted(column.histogram(low, high, width).items()):
        inside = {rank for rank in ranks if before <= rank < before + count}
        start = max(low, position * width)
        if inside and width == 1:
            found |= dict.fromkeys(inside, start)
        elif inside:
            found |= order_statistics(column, inside, start, min(position * width + width - 1, high), before)
        before += count
    return found


def half_away(value: Fraction) -> int:
    """Round half away from zero, as invoices do and as the contract's decimals do."""
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return rounded if value >= 0 else -rounded


FEW_VALUES = 200_000
"""Distinct values up to which the values of a column are counted once and held in memory."""
SCHEMA = {"ordinal": pl.Int64(), "count": pl.Int64()}


@dataclass(frozen=True)
class FewValues:
    """ColumnCounts of counted values. counts: `ordinal` Int64, each once, and `count` Int64."""

    scale: Scale
    counts: pl.DataFrame

    def summary(self) -> Summary:
        # Python's whole numbers: the squares of large ones exceed every fixed width.
        ordinals, counts = self.counts["ordinal"].to_list(), self.counts["count"].to_list()
        units = [self.scale.units(ordinal) for ordinal in ordinals]
        totals = list(map(mul, units, counts))
        squares = sum(map(mul, units, totals))
        return Summary(sum(counts), min(ordinals, default=0), max(ordinals, default=0), sum(totals), squares)

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self.counts.filter(pl.col("ordinal").is_between(low, high))
        bins = inside.group_by(pl.col("ordinal") // width).agg(pl.col("count").sum())
        return dict(bins.iter_rows())

    def __add__(self, other: "FewValues") -> "FewValues":
        both = pl.concat([self.counts, other.counts])
        return FewValues(self.scale, both.group_by("ordinal").agg(pl.col("count").sum()))


def count(columns: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Return FewValues.counts of a column of ordinals (Int64); nulls are not counted."""
    ordinal = columns.select(pl.col(name).drop_nulls().alias("ordinal"))
    return ordinal.group_by("ordinal").agg(pl.len().cast(pl.Int64).alias("count"))
