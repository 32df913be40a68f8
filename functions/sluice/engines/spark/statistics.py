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
from sluice.engines.statistics import FewValues, Summary

_COUNTED = {"name": pl.String(), **statistics.SCHEMA}


def plan_of(contract: Contract, rows: DataFrame) -> Plan:
    """Return the plan of a file. rows: the shuffle columns of its deduplicated rows."""
    mode = partial(_mode, rows)
    # The driver works on few counted values by itself: that saves some twenty small Spark jobs a file.
    names = counted(contract)
    if not names:
        return plan(contract, partial(_Counts, rows), mode)
    cells = F.explode(F.array(*(_cell(name) for name in names)))
    present = rows.select(cells.alias("cell")).where("cell.unit IS NOT NULL")
    values = present.groupBy("cell.name", "cell.unit").count().persist(StorageLevel.MEMORY_AND_DISK)
    try:
        if values.count() > statistics.FEW_VALUES:
            return plan(contract, partial(_Counts, values), mode)
        few = pl.DataFrame(values.collect(), schema=_COUNTED, orient="row")
        return plan(contract, lambda name: FewValues(few.filter(name=name).drop("name")), mode)
    finally:
        values.unpersist()


def _cell(name: str) -> SparkColumn:
    return F.struct(F.lit(name).alias("name"), F.col(f"units_{name}").alias("unit"))


@dataclass(frozen=True)
class _Counts:
    """statistics.ColumnCounts of one column. values: (name, unit, count) of all columns."""

    values: DataFrame
    name: str

    def _of_column(self) -> DataFrame:
        return self.values.where(F.col("name") == self.name)

    def summary(self) -> Summary:
        unit, count = (F.col(name).cast("decimal(38,0)") for name in ("unit", "count"))
        row = self._of_column().agg(
            F.sum("count"), F.min("unit"), F.max("unit"), F.sum(unit * count), F.sum(unit * unit * count)
        )
        return Summary(*(int(value or 0) for value in row.collect()[0]))

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        inside = self._of_column().where(F.col("unit").between(low, high))
        bins = inside.groupBy(F.expr(f"(unit - {low}L) div {width}L")).agg(F.sum("count"))
        return {int(row[0]): int(row[1]) for row in bins.collect()}


def _mode(rows: DataFrame, name: str) -> Any:
    value = f"value_{name}"
    counts = rows.where(F.col(value).isNotNull()).groupBy(value).count()
    top = counts.orderBy(F.col("count").desc(), F.col(value).asc()).first()
    return top[0] if top else None
