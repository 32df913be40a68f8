"""The facts of a dataset's page: the outcomes of its files and rows over time, from the ledger."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.ledger.history import Entry, PastRun, replacements, runs
from sluice.ledger.ledger import FAILED, REJECTED

MOST_VERSIONS = 1_000
"""The most file versions that a page covers."""
_MOST_BUCKETS = 60
_MOST_REASONS = 12
_MOST_FAILURES = 10
_UNITS = {
    "hour": "%Y-%m-%d %H:00",
    "day": "%Y-%m-%d",
    "week": "%G, week %V",
    "month": "%Y-%m",
}


@dataclass(frozen=True)
class Expectations:
    """What the contract says of a dataset as a whole. quarantine_limit: 0 to 1."""

    dataset: str
    version: int
    quarantine_limit: float
    expected_every: timedelta | None = None


def facts(expected: Expectations, entries: Sequence[Entry], *, now: datetime | None = None) -> dict[str, Any]:
    """Return what the template `dataset` shows. entries: the ledger's, of the versions that changed last.

    Its rows are those of the versions that the table has now, so that they are what a query counts; its charts are the
    history of all runs.
    """
    now = now or datetime.now(UTC)
    past_runs = runs(entries)
    unit, buckets = _buckets(past_runs)
    replaced = replacements(entries)
    statuses = Counter("REPLACED" if entry["source_id"] in replaced else entry["status"] for entry in entries)
    current = runs(entry for entry in entries if entry["source_id"] not in replaced)
    open_failures = _open_failures(entries)
    last = past_runs[-1].at if past_runs else ""
    return {
        "made_at": now.isoformat(timespec="seconds"),
        "dataset": expected.dataset,
        "contract_version": expected.version,
        "quarantine_limit": 100 * expected.quarantine_limit,
        "expected_every": _duration(expected.expected_every) if expected.expected_every else "",
        "stale": is_stale(expected.expected_every, last, now),
        "last_published": last,
        "first_seen": min((entry["received_at"] for entry in entries), default=""),
        "complete": len(entries) < MOST_VERSIONS,
        "files": {status: statuses[status] for status in _STATUSES if statuses[status]},
        "rows": {
            "rows_in": sum(each.rows for each in current),
            "published": sum(each.published for each in current),
            "quarantined": sum(each.quarantined for each in current),
            "discarded": sum(each.discarded for each in current),
            "replaced": sum(each.replaced_rows for each in past_runs),
        },
        "failed_files": sum(entry["status"] == FAILED for entry in open_failures.values()),
        "rejected_files": sum(entry["status"] == REJECTED for entry in open_failures.values()),
        "runs": len(past_runs),
        "cost_usd": sum(each.cost_usd for each in past_runs),
        "unit": unit,
        "buckets": buckets,
        "reasons": _reasons(current, buckets),
        "failures": _failures(entries, open_failures),
        "latest": [each.to_dict() for each in reversed(past_runs[-20:])],
    }


_STATUSES = ("PUBLISHED", "REPLACED", "REJECTED", "FAILED", "CLEANING", "RECEIVED", "SUPERSEDED")


def is_stale(expected_every: timedelta | None, last_published: str, now: datetime) -> bool:
    """Return whether a dataset has published nothing for longer than its contract says.

    One that has never published is not stale: nothing says since when its first file is expected.
    """
    if expected_every is None or not last_published:
        return False
    return now - datetime.fromisoformat(last_published) > expected_every


def _duration(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def _buckets(past_runs: Sequence[PastRun]) -> tuple[str, list[dict[str, Any]]]:
    """Return runs grouped by the first unit of time that makes few enough groups, oldest first."""
    if len(past_runs) <= _MOST_BUCKETS:
        return "run", [_bucket(each.at[:16].replace("T", " "), [each]) for each in past_runs]
    groups = {unit: _grouped(past_runs, form) for unit, form in _UNITS.items()}
    unit = next((unit for unit, grouped in groups.items() if len(grouped) <= _MOST_BUCKETS), "month")
    return unit, [_bucket(name, some) for name, some in list(groups[unit].items())[-_MOST_BUCKETS:]]


def _grouped(past_runs: Sequence[PastRun], form: str) -> dict[str, list[PastRun]]:
    grouped: dict[str, list[PastRun]] = defaultdict(list)
    for each in past_runs:
        grouped[datetime.fromisoformat(each.at).strftime(form)].append(each)
    return grouped


def _bucket(name: str, some: Sequence[PastRun]) -> dict[str, Any]:
    rows = sum(each.rows for each in some)
    quarantined = sum(each.quarantined for each in some)
    reasons: Counter[str] = Counter()
    for each in some:
        reasons.update(each.reasons)
    return {
        "name": name,
        "rows": rows,
        "published": sum(each.published - each.replaced_rows for each in some),
        "replaced": sum(each.replaced_rows for each in some),
        "quarantined": quarantined,
        "discarded": sum(each.discarded for each in some),
        "quarantined_percent": 100 * quarantined / rows if rows else 0.0,
        "latency_seconds": max(each.latency_seconds for each in some),
        "cost_usd": sum(each.cost_usd for each in some),
        "reasons": dict(reasons),
    }


def _reasons(current: Sequence[PastRun], buckets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    totals: Counter[str] = Counter()
    for each in current:
        totals.update(each.reasons)
    return [
        {"name": name, "rows": rows, "over_time": [bucket["reasons"].get(name, 0) for bucket in buckets]}
        for name, rows in totals.most_common(_MOST_REASONS)
    ]


def _open_failures(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Return, by key, the entries of the files whose latest version was rejected or failed."""
    latest: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda entry: str(entry["received_at"])):
        latest[entry["source"]] = entry
    return {source: entry for source, entry in latest.items() if entry["status"] in (REJECTED, FAILED)}


def _failures(entries: Sequence[Entry], still_open: Mapping[str, Entry]) -> list[dict[str, Any]]:
    """Return the files that were rejected or failed last: those that are open first, then the latest first."""
    bad = [entry for entry in entries if entry["status"] in (REJECTED, FAILED)]
    bad.sort(key=lambda entry: still_open.get(entry["source"]) != entry)
    return [
        {
            "source": entry["source"],
            "source_id": entry["source_id"],
            "run_id": entry.get("run_id", ""),
            "status": entry["status"],
            "at": entry["updated_at"],
            "why": why(entry),
            "open": still_open.get(entry["source"]) == entry,
        }
        for entry in bad[:_MOST_FAILURES]
    ]


def why(entry: Entry) -> str:
    """Return why a file was rejected, or why it failed."""
    if entry["status"] == REJECTED:
        return " ".join(entry.get("problems", [])) or "the ledger names no problem: see the validation report"
    return f"{entry.get('error', FAILED)}: {entry.get('cause', 'the ledger names no cause')}"
