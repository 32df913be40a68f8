"""A numeric column of which every distinct value is counted: while they are few, one look at the rows tells all."""

from dataclasses import dataclass
from operator import mul

import polars as pl

from sluice.statistics import Summary

FEW_VALUES = 200_000
"""Distinct values of a column that are held; of more, the rows are looked at again for each question."""
SCHEMA = {"unit": pl.Int64(), "count": pl.Int64()}


@dataclass(frozen=True)
class FewValues:
    """statistics.Column. counts: `unit` Int64, each once, and `count` Int64."""

    counts: pl.DataFrame

    def summary(self) -> Summary:
        # Python's whole numbers: the squares of large ones outgrow every fixed width.
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
    """Return FewValues.counts of a column of units (Int64); nulls are none."""
    unit = units.select(pl.col(name).drop_nulls().alias("unit"))
    return unit.group_by("unit").agg(pl.len().cast(pl.Int64).alias("count"))
