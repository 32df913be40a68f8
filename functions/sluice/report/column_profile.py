"""The profile of each published column: its values' distribution, nulls and outliers, in bounded memory.

Columns are read one at a time, of files that `choose` bounds in rows and bytes; texts are only counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from sluice.contract.model import Contract
from sluice.manifest import StagedFile

MOST_ROWS = 2_000_000
"""The most rows that the profiles of a run are made of: 16 MB a number column."""
MOST_BYTES = 256 * 1024**2
"""The most bytes of Parquet files that are fetched for them: half of a Lambda function's free disk."""

_BARS = 24
_TOP = 6
_FEW = 1_000
"""Distinct texts above which a column holds names rather than categories: its values are not shown."""
_MANY = 50
"""Values below which all may differ by chance."""
_TIMES = (pl.Date, pl.Datetime)


@dataclass(frozen=True)
class Bar:
    """Rows whose values are from `low` to `high`, as people read them."""

    low: str
    high: str
    rows: int


@dataclass(frozen=True)
class Usual:
    """The range in which a value is no outlier; start and end: its position in the chart, from 0 to 1."""

    low: str
    high: str
    start: float
    end: float


@dataclass(frozen=True)
class Column:
    """What one column holds. kind: number, time, boolean, text, or personal (then no value is shown).

    rows: that were read. low, median, high: as people read them.
    below, above: rows outside of the bars. outliers: rows that the contract's rule flags, None without a rule.
    identifier: it names rows, or things, rather than measuring them: its values are not judged.
    """

    name: str
    kind: str
    rows: int
    nulls: int
    distinct: int
    bars: list[Bar] = field(default_factory=list)
    low: str = ""
    median: str = ""
    high: str = ""
    middle: float | None = None
    below: int = 0
    above: int = 0
    outliers: int | None = None
    usual: Usual | None = None
    identifier: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def choose(files: Sequence[StagedFile], *, rows: int = MOST_ROWS, size: int = MOST_BYTES) -> list[StagedFile]:
    """Return the files to read: all, or as many as the bounds allow, spread evenly over their order."""
    step = max(1.0, sum(file.rows for file in files) / rows, sum(file.bytes for file in files) / size)
    spread = [files[int(number * step)] for number in range(int(len(files) / step))]
    chosen = []
    for file in spread or files[:1]:
        if file.rows <= rows and file.bytes <= size:
            chosen.append(file)
            rows, size = rows - file.rows, size - file.bytes
    return chosen


def describe(
    contract: Contract, files: Sequence[Path], statistics: Mapping[str, Mapping[str, str]] | None = None
) -> list[Column]:
    """Return the profile of every published column that the files hold, in the table's order.

    statistics: a manifest's; its usual limits are drawn when the file is one.
    """
    if not files:
        return []
    scan = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    held = scan.collect_schema()
    flags = {rule.column: rule.flag for rule in contract.outliers if rule.flag}
    columns = []
    for name, dtype in contract.types.items():
        if name in held and name not in flags.values():
            outliers = _count(scan, pl.col(flags[name]).sum()) if flags.get(name) in held else None
            limits = (statistics or {}).get(name, {})
            column = _column(contract, scan, name, dtype, outliers, limits)
            columns.append(replace(column, identifier=_is_identifier(contract, column, dtype)))
    return columns


def _is_identifier(contract: Contract, column: Column, dtype: pl.DataType) -> bool:
    """Return whether a column is of the contract's key, or of whole numbers of which hardly any is there twice."""
    if contract.unique and column.name in contract.unique.key:
        return True
    present = column.rows - column.nulls
    return dtype.is_integer() and present >= _MANY and column.distinct >= 0.95 * present


def _column(
    contract: Contract,
    scan: pl.LazyFrame,
    name: str,
    dtype: pl.DataType,
    outliers: int | None,
    limits: Mapping[str, str],
) -> Column:
    if name in contract.personal:
        return Column(name, "personal", *_counts(scan, name))
    if dtype.is_numeric() or dtype.base_type() in _TIMES:
        return _measured(scan, name, dtype, outliers, limits)
    rows, nulls, distinct = _counts(scan, name)
    kind = "boolean" if dtype == pl.Boolean() else "text"
    return Column(name, kind, rows, nulls, distinct, _top(scan, name) if distinct <= _FEW else [])


def _counts(scan: pl.LazyFrame, name: str) -> tuple[int, int, int]:
    """Return rows, nulls, distinct values (nulls are none). Texts are counted by their hashes, 8 bytes each."""
    column = pl.col(name)
    counts = scan.select(pl.len(), n=column.null_count(), d=column.drop_nulls().hash().n_unique())
    rows, nulls, distinct = counts.collect(engine="streaming").row(0)
    return rows, nulls, distinct


def _count(scan: pl.LazyFrame, expression: pl.Expr) -> int:
    return int(scan.select(expression).collect(engine="streaming").item() or 0)


def _top(scan: pl.LazyFrame, name: str) -> list[Bar]:
    counts = scan.select(name).drop_nulls().group_by(name).len().sort(["len", name], descending=[True, False])
    rows = counts.collect(engine="streaming")
    top = [Bar(str(value)[:60], str(value)[:60], count) for value, count in rows.head(_TOP).iter_rows()]
    others = int(rows["len"].slice(_TOP).sum())
    return [*top, Bar("", f"{rows.height - _TOP:,} others", others)] if others else top


def _measured(
    scan: pl.LazyFrame, name: str, dtype: pl.DataType, outliers: int | None, limits: Mapping[str, str]
) -> Column:
    """Return the profile of numbers or times; times are counted in their own unit: days, microseconds."""
    number = pl.col(name).to_physical() if dtype.base_type() in _TIMES else pl.col(name)
    values = scan.select(number.cast(pl.Float64)).collect(engine="streaming").to_series()
    present = values.drop_nulls()
    kind = "time" if dtype.base_type() in _TIMES else "number"
    facts = (name, kind, len(values), values.null_count(), present.n_unique())
    if present.is_empty():
        return Column(*facts, outliers=outliers)
    low, first, median, third, high = (_quantile(present, share) for share in (0, 0.25, 0.5, 0.75, 1))
    # Beyond three times the quartiles' distance a value would flatten all others (Tukey's "far out").
    start, end = max(low, first - 3 * (third - first)), min(high, third + 3 * (third - first))
    if start == end:
        start, end = low, high
    edges = _edges(start, end, whole=dtype.is_integer() or kind == "time")
    inside = present.filter(present.is_between(start, end))
    return Column(
        *facts,
        bars=_bars(inside, edges, dtype),
        low=shown(low, dtype),
        median=shown(median, dtype),
        high=shown(high, dtype),
        middle=median,
        below=int((present < start).sum()),
        above=int((present > end).sum()),
        outliers=outliers,
        usual=_usual(limits, edges, dtype),
    )


def _quantile(values: pl.Series, share: float) -> float:
    return float(values.quantile(share, interpolation="linear") or 0)


def _edges(start: float, end: float, *, whole: bool) -> list[float]:
    """Return the bars' edges; whole numbers are not cut: a bar holds as many of them as any other."""
    if whole:
        span = int(end) - int(start) + 1
        each = max(1, -(-span // _BARS))
        return [float(int(start) + each * number) for number in range(-(-span // each) + 1)]
    width = (end - start) / _BARS or 1.0
    return [start + width * number for number in range(_BARS + 1)]


def _bars(inside: pl.Series, edges: list[float], dtype: pl.DataType) -> list[Bar]:
    last = len(edges) - 2
    bars = ((inside - edges[0]) / (edges[1] - edges[0])).floor().clip(0, last).cast(pl.Int64)
    counts = dict(bars.value_counts().iter_rows())
    step = 1 if dtype.is_integer() or dtype.base_type() in _TIMES else 0
    return [
        Bar(shown(edges[bar], dtype), shown(edges[bar + 1] - step, dtype), counts.get(bar, 0))
        for bar in range(last + 1)
    ]


def _usual(limits: Mapping[str, str], edges: list[float], dtype: pl.DataType) -> Usual | None:
    if "lowest_usual" not in limits or "highest_usual" not in limits:
        return None
    low, high = float(limits["lowest_usual"]), float(limits["highest_usual"])
    ends = [min(1.0, max(0.0, (limit - edges[0]) / (edges[-1] - edges[0]))) for limit in (low, high)]
    return Usual(shown(low, dtype), shown(high, dtype), *ends)


def shown(value: float, dtype: pl.DataType) -> str:
    """Return a value of a column as people read it; times from their physical number."""
    if dtype == pl.Date():
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(value)).isoformat()
    if isinstance(dtype, pl.Datetime):
        seconds = value / {"ms": 1e3, "us": 1e6, "ns": 1e9}[dtype.time_unit]
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    if dtype.is_integer():
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,.{dtype.scale}f}" if isinstance(dtype, pl.Decimal) else f"{value:,.6g}"
