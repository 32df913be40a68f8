"""Holds a run against the dataset's last ones: what is far from where they were."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from sluice.ledger.history import PastRun

Described = Mapping[str, Any]
"""A column, as Column.to_dict tells it."""

ENOUGH = 5
"""Runs below which nothing is called unusual: so few say little of the next."""


@dataclass(frozen=True)
class Measure:
    """One figure of a run and of the runs before it, oldest first. unit: number, percent, seconds, usd."""

    name: str
    unit: str
    value: float
    before: list[float]

    @property
    def usual(self) -> float | None:
        return median(self.before) if self.before else None

    @property
    def unusual(self) -> bool:
        """Is it outside of the fences around the last runs (Tukey, 1977), and off their median by a twentieth?"""
        if len(self.before) < ENOUGH:
            return False
        first, middle, third = quantiles(self.before, n=4, method="inclusive")
        reach = max(1.5 * (third - first), abs(middle) / 20)
        return not first - reach <= self.value <= third + reach

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "usual": self.usual, "unusual": self.unusual}


def measures(now: PastRun, before: Sequence[PastRun]) -> list[Measure]:
    """Return the figures of a run, a file each, so that runs of one file and of a hundred compare."""
    every = [*before, now]
    figures = {
        ("rows a file", "number"): [_share(past.rows, past.files) for past in every],
        ("quarantined", "percent"): [100 * _share(past.quarantined, past.rows) for past in every],
        ("discarded", "percent"): [100 * _share(past.discarded, past.rows) for past in every],
        ("upload to table", "seconds"): [past.latency_seconds for past in every],
        ("cleaning a file", "seconds"): [_share(past.cleaning_seconds, past.files) for past in every],
        ("cost a file", "usd"): [_share(past.cost_usd, past.files) for past in every],
    }
    return [Measure(name, unit, values[-1], values[:-1]) for (name, unit), values in figures.items()]


def news(now: PastRun, before: Sequence[PastRun]) -> list[str]:
    """Return in words what no run before had: reasons, a contract version."""
    if not before:
        return ["This is the first run of the dataset that published: there is nothing to compare it with."]
    told = []
    known = {reason for past in before for reason in past.reasons}
    told += [
        f"A reason that the last {len(before)} run(s) did not have: {name}" for name in sorted({*now.reasons} - known)
    ]
    if now.contract_version != before[-1].contract_version:
        told.append(f"Contract version {now.contract_version}, the run before had {before[-1].contract_version}.")
    return told


def columns(
    now: Sequence[Mapping[str, Any]], before: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, list[Measure]]:
    """Return, by column, its share of nulls and of outliers and its median now and in earlier runs' columns.

    before: oldest first.
    """
    compared = {}
    for column in now:
        same = [old for run in before for old in run if (old["name"], old["kind"]) == (column["name"], column["kind"])]
        found = [_measure(name, unit, figure, column, same) for name, unit, figure in _FIGURES]
        compared[str(column["name"])] = [measure for measure in found if measure]
    return compared


def _measure(name: str, unit: str, figure: Any, now: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Any:
    value = figure(now)
    return (
        None
        if value is None
        else Measure(name, unit, value, [old for run in before if (old := figure(run)) is not None])
    )


_FIGURES: tuple[tuple[str, str, Callable[[Described], float | None]], ...] = (
    ("nulls", "percent", lambda column: 100 * _share(column["nulls"], column["rows"])),
    ("outliers", "percent", lambda c: None if c["outliers"] is None else 100 * _share(c["outliers"], c["rows"])),
    ("median", "number", lambda column: column["middle"] if column["kind"] == "number" else None),
)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
