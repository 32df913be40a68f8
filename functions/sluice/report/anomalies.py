"""Anomalies of a run: figures far from those of the dataset's last runs, and reasons that these did not have."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from sluice.ledger.history import PastRun

Described = Mapping[str, Any]
"""A column, as Column.to_dict returns it."""

ENOUGH = 5
"""Runs below which nothing is called unusual: with fewer the fences mean little."""


@dataclass(frozen=True)
class Measure:
    """One figure of a run and of the runs before it, oldest first. unit: number, percent, seconds, usd.

    chance: how far the value may be off their median by chance alone.
    """

    name: str
    unit: str
    value: float
    before: list[float]
    chance: float = 0.0

    @property
    def usual(self) -> float | None:
        return median(self.before) if self.before else None

    @property
    def unusual(self) -> bool:
        """Whether it is outside of the last runs' fences (Tukey, 1977), and off their median by more than chance and
        a twentieth."""
        if len(self.before) < ENOUGH:
            return False
        first, middle, third = quantiles(self.before, n=4, method="inclusive")
        reach = max(1.5 * (third - first), abs(middle) / 20)
        inside = first - reach <= self.value <= third + reach
        return not inside and abs(self.value - middle) > self.chance

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "usual": self.usual, "unusual": self.unusual}


def measures(now: PastRun, before: Sequence[PastRun]) -> list[Measure]:
    """Return the figures of a run, a file each, so that runs of one file and of a hundred compare."""
    every = [*before, now]
    figures = {
        ("rows a file", "number"): [_share(run.rows, run.files) for run in every],
        ("quarantined", "percent"): [100 * _share(run.quarantined, run.rows) for run in every],
        ("discarded", "percent"): [100 * _share(run.discarded, run.rows) for run in every],
        ("upload to table", "seconds"): [run.latency_seconds for run in every],
        ("cleaning a file", "seconds"): [_share(run.cleaning_seconds, run.files) for run in every],
        ("cost a file", "usd"): [_share(run.cost_usd, run.files) for run in every],
    }
    return [Measure(name, unit, values[-1], values[:-1]) for (name, unit), values in figures.items()]


def first_times(now: PastRun, before: Sequence[PastRun]) -> list[str]:
    """Return sentences on what no run before had: reasons, a contract version."""
    if not before:
        return ["This is the first run of the dataset that published: there is nothing to compare it with."]
    known = {reason for run in before for reason in run.reasons}
    found = [
        f"A reason that the last {len(before)} run(s) did not have: {name}" for name in sorted({*now.reasons} - known)
    ]
    if now.contract_version != before[-1].contract_version:
        found.append(f"Contract version {now.contract_version}, the run before had {before[-1].contract_version}.")
    return found


def columns(
    now: Sequence[Mapping[str, Any]], before: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, list[Measure]]:
    """Return, by column, its share of nulls and of outliers and its median now and in earlier runs' columns.

    before: oldest first. Of an identifier only the nulls: a growing number of orders is no drift.
    """
    compared = {}
    for column in now:
        same = [old for run in before for old in run if (old["name"], old["kind"]) == (column["name"], column["kind"])]
        judged = _FIGURES[:1] if column["identifier"] else _FIGURES
        found = [_measure(name, unit, figure, column, same) for name, unit, figure in judged]
        compared[str(column["name"])] = [measure for measure in found if measure]
    return compared


def _measure(name: str, unit: str, figure: Any, now: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Any:
    value = figure(now)
    if value is None:
        return None
    past = [old for run in before if (old := figure(run)) is not None]
    chance = _chance(median(past), now["rows"]) if past and unit == "percent" else 0.0
    return Measure(name, unit, value, past, chance)


def _chance(percent: float, rows: int) -> float:
    """Return four standard errors of a share of rows: of 300 columns, one in 50 pages has one beyond by chance."""
    share = min(max(percent / 100, 1 / (rows or 1)), 0.5)
    return 400 * math.sqrt(share * (1 - share) / (rows or 1))


_FIGURES: tuple[tuple[str, str, Callable[[Described], float | None]], ...] = (
    ("nulls", "percent", lambda column: 100 * _share(column["nulls"], column["rows"])),
    ("outliers", "percent", lambda c: None if c["outliers"] is None else 100 * _share(c["outliers"], c["rows"])),
    ("median", "number", lambda column: column["middle"] if column["kind"] == "number" else None),
)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
