"""Deduplicated rows of a file, and their statistics (the Polars engine)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from sluice.contract.model import Contract
from sluice.engines import statistics
from sluice.engines.impute import Plan, counted, in_units, plan
from sluice.engines.spill import Spill
from sluice.engines.statistics import FewValues, Summary

_HALF = 1 << 32
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
    found = {name: FewValues(pl.DataFrame(schema=statistics.SCHEMA)) for name in counted(contract)}
    for some in rows.scans() if found else ():
        units = some.select(in_units(name, contract.types[name]).alias(name) for name in found)
        counts = pl.collect_all([statistics.count(units, name) for name in found], engine="streaming")
        for name, more in zip(list(found), counts, strict=True):
            found[name] += FewValues(more)
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

    def _units(self) -> pl.LazyFrame:
        return self.rows.select(u=in_units(self.name, self.contract.types[self.name])).drop_nulls()

    def summary(self) -> Summary:
        unit, wide = pl.col("u"), pl.col("u").cast(pl.Int128)
        # Sums of squares of 64-bit numbers exceed 128 bits: high and low halves are summed separately.
        high, low = wide // _HALF, wide % _HALF
        sums = self._units().select(
            n=unit.len(), low=unit.min(), high=unit.max(), s=wide.sum(),
            hh=(high * high).sum(), hl=(high * low).sum(), ll=(low * low).sum(),
        )  # fmt: skip
        row = sums.collect(engine="streaming").row(0, named=True)
        squares = row["hh"] * _HALF**2 + 2 * row["hl"] * _HALF + row["ll"]
        return Summary(row["n"], row["low"] or 0, row["high"] or 0, row["s"], squares)

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self._units().filter(pl.col("u").is_between(low, high)).select(bin=(pl.col("u") - low) // width)
        return dict(inside.group_by("bin").len().collect(engine="streaming").iter_rows())


def _mode(rows: DeduplicatedRows, name: str) -> Any:
    counts = rows.scan().select(name).drop_nulls().group_by(name).len()
    top = counts.sort(["len", name], descending=[True, False]).head(1).collect(engine="streaming")
    return top[name].item() if top.height else None
