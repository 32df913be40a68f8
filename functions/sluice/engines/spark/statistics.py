"""Counts the values of numeric columns on Spark, for the statistics that both engines share."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 the name that every Spark user knows
from pyspark.storagelevel import StorageLevel

from sluice.contract.model import Contract
from sluice.engines import statistics
from sluice.engines.impute import Plan, counted, plan
from sluice.engines.scale import HALF, LOW, Scale
from sluice.engines.statistics import FewValues, Group, Summary

_COUNTED = {"name": pl.String(), **statistics.SCHEMA}


def plan_of(contract: Contract, rows: DataFrame) -> Plan:
    """Return the plan of a file. rows: the shuffle columns of its deduplicated rows."""
    mode = partial(_mode, rows)
    # The driver works on few counted values by itself: that saves some twenty small Spark jobs a file.
    names = counted(contract)
    if not names:
        return plan(contract, partial(_Counts, contract, rows), mode)
    cells = F.explode(F.array(*(_cell(name) for name in names)))
    present = rows.select(cells.alias("cell")).where("cell.ordinal IS NOT NULL")
    values = present.groupBy("cell.name", "cell.ordinal").count().persist(StorageLevel.MEMORY_AND_DISK)
    try:
        if values.count() > statistics.FEW_VALUES:
            return plan(contract, partial(_Counts, contract, values), mode)
        few = pl.DataFrame(values.collect(), schema=_COUNTED, orient="row")
        return plan(contract, lambda name: FewValues(_scale(contract, name), few.filter(name=name).drop("name")), mode)
    finally:
        values.unpersist()


def _cell(name: str) -> SparkColumn:
    return F.struct(F.lit(name).alias("name"), F.col(f"ordinal_{name}").alias("ordinal"))


@dataclass(frozen=True)
class _Counts:
    """statistics.ColumnCounts of one column. values: (name, ordinal, count) of all columns."""

    contract: Contract
    values: DataFrame
    name: str

    @property
    def scale(self) -> Scale:
        return _scale(self.contract, self.name)

    def _of_column(self) -> DataFrame:
        return self.values.where(F.col("name") == self.name)

    def summary(self) -> Summary:
        lowest, highest = self._of_column().agg(F.min("ordinal"), F.max("ordinal")).collect()[0]
        a = F.expr(f"shiftright(ordinal & {LOW - 1}L, {HALF.bit_length() - 1})")
        b = F.expr(f"ordinal & {HALF - 1}L")
        values = self._of_column().select(
            F.expr(f"shiftright(ordinal, {LOW.bit_length() - 1})").alias("high"),
            F.col("count").cast("decimal(38,0)").alias("count"),
            a.cast("decimal(38,0)").alias("a"),
            b.cast("decimal(38,0)").alias("b"),
        )
        sums = [F.sum(F.expr(f"count * {product}")) for product in ("a", "b", "a * a", "a * b", "b * b")]
        groups = values.groupBy("high").agg(F.sum("count"), *sums).collect()
        return Summary.of(self.scale, lowest or 0, highest or 0, (Group(*map(int, row)) for row in groups))

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self._of_column().where(F.col("ordinal").between(low, high))
        bins = inside.groupBy(F.expr(f"shiftright(ordinal, {width.bit_length() - 1})")).agg(F.sum("count"))
        return {int(row[0]): int(row[1]) for row in bins.collect()}


def _scale(contract: Contract, name: str) -> Scale:
    return Scale.of(contract.types[name])


def _mode(rows: DataFrame, name: str) -> Any:
    value = f"value_{name}"
    counts = rows.where(F.col(value).isNotNull()).groupBy(value).count()
    top = counts.orderBy(F.col("count").desc(), F.col(value).asc()).first()
    return top[0] if top else None
