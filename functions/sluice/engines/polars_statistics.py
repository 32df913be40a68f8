"""Deduplicated rows of a file, and their statistics (the Polars engine)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from sluice.contract.model import Contract
from sluice.engines import statistics
from sluice.engines.impute import Plan, counted, plan
from sluice.engines.scale import HALF, LOW, Scale, ordinals
from sluice.engines.spill import Spill
from sluice.engines.statistics import FewValues, Group, Summary

_PART_ROWS = 2_000_000
"""Rows whose values are counted at once, so that no more counts are in memory."""


@dataclass(frozen=True)
class DeduplicatedRows:
    """Deduplicated rows of a file. superseded: Boolean, at the index of each row number; such rows are left out."""

    rows: Spill
    superseded: pl.Series

    def scan(self) -> pl.LazyFrame:
        return self._remaining(self.rows.scan())

    def scans(self) -> Iterator[pl.LazyFrame]:
        """Yield the rows, some millions at a time."""
        return map(self._remaining, self.rows.scans(_PART_ROWS))

    def _remaining(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        if not self.superseded.any():
            return rows

        def remains(row_numbers: pl.Series) -> pl.Series:
            return ~self.superseded.gather(row_numbers)

        return rows.filter(pl.col("_row_number").map_batches(remains, return_dtype=pl.Boolean(), is_elementwise=True))


def plan_of(contract: Contract, rows: DeduplicatedRows) -> Plan:
    """Return the plan of a file."""
    few = _few_values(contract, rows)
    return plan(
        contract, lambda name: few.get(name) or _Counts(contract, rows.scan(), name), lambda name: _mode(rows, name)
    )


def _few_values(contract: Contract, rows: DeduplicatedRows) -> dict[str, FewValues]:
    """Return the counted values of the columns that have few."""
    scales = {name: Scale.of(contract.types[name]) for name in counted(contract)}
    found = {name: FewValues(scale, pl.DataFrame(schema=statistics.SCHEMA)) for name, scale in scales.items()}
    for some in rows.scans() if found else ():
        columns = some.select(ordinals(name, contract.types[name]).alias(name) for name in found)
        counts = pl.collect_all([statistics.count(columns, name) for name in found], engine="streaming")
        for name, more in zip(list(found), counts, strict=True):
            found[name] += FewValues(scales[name], more)
            if found[name].counts.height > statistics.FEW_VALUES:
                del found[name]
        if not found:
            break
    return found


@dataclass(frozen=True)
class _Counts:
    """statistics.ColumnCounts that reads all rows for each answer."""

    contract: Contract
    rows: pl.LazyFrame
    name: str

    @property
    def scale(self) -> Scale:
        return Scale.of(self.contract.types[self.name])

    def _ordinals(self) -> pl.LazyFrame:
        return self.rows.select(o=ordinals(self.name, self.contract.types[self.name])).drop_nulls()

    def summary(self) -> Summary:
        ordinal, wide = pl.col("o"), (pl.col("o") % LOW).cast(pl.Int128)
        a, b = wide // HALF, wide % HALF
        ends = self._ordinals().select(ordinal.min().alias("low"), ordinal.max().alias("high"))
        groups = self._ordinals().group_by(high=ordinal // LOW).agg(
            count=pl.len(), a=a.sum(), b=b.sum(), aa=(a * a).sum(), ab=(a * b).sum(), bb=(b * b).sum()
        )  # fmt: skip
        low, high = ends.collect(engine="streaming").row(0)
        rows = groups.collect(engine="streaming").iter_rows()
        return Summary.of(self.scale, low or 0, high or 0, (Group(*row) for row in rows))

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self._ordinals().filter(pl.col("o").is_between(low, high)).select(bin=pl.col("o") // width)
        return dict(inside.group_by("bin").len().collect(engine="streaming").iter_rows())


def _mode(rows: DeduplicatedRows, name: str) -> Any:
    counts = rows.scan().select(value=name).drop_nulls().group_by("value").len()
    top = counts.sort(["len", "value"], descending=[True, False]).head(1).collect(engine="streaming")
    return top["value"].item() if top.height else None
