"""The facts of a run's page: its rows' outcomes, reasons, columns, last runs, times and cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sluice.ledger.history import Entry, PastRun, runs, seconds_between
from sluice.manifest import Manifest
from sluice.notify.messages import TABLE_HAS
from sluice.report import anomalies, bad_rows
from sluice.report.column_profile import Column

_MOST_EXAMPLES = 3
_MOST_PARTITIONS = 40
_LAST_RUNS = 30
_OPEN_COLUMNS = 24
"""Columns of which a page shows pictures at once; the others are folded."""
_LONGEST = 20
"""Files of which the timeline shows the steps."""

FORMAT = 2
"""Of the facts: those of another format are not rendered again."""
Examples = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Part:
    """One source of a run. entry: the ledger's, {} outside of AWS; manifest: None when it was not published.

    examples: reason → [{row_number, text}], masked where personal. replaced_by: the entry of the version that has
    replaced it in the table; replaces: the entry of the one that it replaced.
    """

    source: str
    version: str
    entry: Entry = field(default_factory=dict)
    manifest: Manifest | None = None
    examples: Examples = field(default_factory=dict)
    replaced_by: Entry | None = None
    replaces: Entry | None = None

    @property
    def status(self) -> str:
        return str(self.entry.get("status", "CLEANED"))


@dataclass(frozen=True)
class Profiles:
    """The profiles of the published columns, and the number of rows that they are of."""

    columns: list[Column]
    rows: int


@dataclass(frozen=True)
class ColumnsBefore:
    """The columns of an earlier run: what a Column has, without bars. version: of its contract."""

    version: object
    columns: Sequence[Mapping[str, Any]]


def facts(
    run_id: str,
    dataset: str,
    parts: Sequence[Part],
    profiles: Profiles,
    *,
    before: Sequence[PastRun] = (),
    columns_before: Sequence[ColumnsBefore] = (),
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return what the template `run` shows, as JSON can hold it; links are added by who knows the pages.

    before: the dataset's last runs, oldest first, without this one; columns_before: the columns of some of them.
    """
    manifests = [part.manifest for part in parts if part.manifest]
    failed = [part for part in parts if part.status not in ("PUBLISHED", "SUPERSEDED", "CLEANED")]
    own_runs = runs(part.entry for part in parts if part.manifest and part.entry)
    version = max((manifest.contract_version for manifest in manifests), default="unknown")
    sources = [_source(part) for part in parts]
    return {
        "format": FORMAT,
        "at": "",
        "links": {"dataset": "", "contract": "", "bad_rows": ""},
        "made_at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "run_id": run_id,
        "dataset": dataset,
        "in_aws": any(part.entry for part in parts),
        "contract_version": version,
        "headline": parts[0].source if len(parts) == 1 else f"{len(parts)} files of {dataset}",
        **status(sources),
        "ended_at": max((part.entry.get("updated_at", "") for part in parts), default=""),
        "failed": [_failure(part) for part in failed],
        **_outcomes(manifests),
        "reasons": _reasons(parts),
        "bad_rows_most": bad_rows.MOST_ROWS,
        **_compared(own_runs, before),
        "columns": _columns(manifests, profiles, columns_before, version),
        "columns_open": _OPEN_COLUMNS,
        "looked_at": profiles.rows,
        **_partitions(manifests),
        "sources": sources,
        "timeline": _timeline(parts),
        "cost_usd": own_runs[0].cost_usd if own_runs else None,
        "bytes_in": sum(manifest.bytes_in for manifest in manifests),
        "bytes_out": sum(manifest.bytes_out for manifest in manifests),
        "engines": sorted({manifest.engine for manifest in manifests}),
        "peak_rss_bytes": max((manifest.peak_rss_bytes for manifest in manifests), default=0),
        "notes": [*_origins(parts), *sorted({note for manifest in manifests for note in manifest.notes})],
    }


def status(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the status of a run in words, and the class of its badge. sources: as the facts have them."""
    statuses = {source["status"] for source in sources}
    failed = sum(source["status"] not in _WORDS for source in sources)
    if failed:
        some = f"{failed} of {len(sources)} files failed"
        return {"status": "failed", "pill": "failed"} if failed == len(sources) else {"status": some, "pill": "partly"}
    worst = min(statuses, key=[*_WORDS].index)
    return {"status": _WORDS[worst], "pill": "" if worst in ("REPLACED", "SUPERSEDED") else "published"}


_WORDS = {"PUBLISHED": "published", "CLEANED": "cleaned", "REPLACED": "replaced", "SUPERSEDED": "overtaken"}


def _failure(part: Part) -> dict[str, Any]:
    return {
        "source": part.source,
        "version": part.version,
        "error": part.entry.get("error", part.status),
        "cause": part.entry.get("cause", "the ledger names no cause"),
        "table": TABLE_HAS.get(part.status, "what was published before"),
    }


def _outcomes(manifests: Sequence[Manifest]) -> dict[str, Any]:
    discarded: Counter[str] = Counter()
    for manifest in manifests:
        discarded.update(manifest.discarded)
    rows = {
        "rows_in": sum(manifest.rows_in for manifest in manifests),
        "published": sum(manifest.published for manifest in manifests),
        "quarantined": sum(manifest.quarantined for manifest in manifests),
        "discarded": dict(discarded.most_common()),
        "discarded_total": discarded.total(),
    }
    names = ("published", "quarantined", "discarded")
    shown = [
        {"name": name, "rows": rows["discarded_total" if name == "discarded" else name], "ground": name}
        for name in names
    ]
    return {"rows": rows, "outcomes": shown}


def _reasons(parts: Sequence[Part]) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    examples: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        if part.manifest:
            counts.update(part.manifest.reasons)
            source = part.source if len(parts) > 1 else ""
            for reason in part.manifest.reasons:
                found = [{**example, "source": source} for example in part.examples.get(reason, ())]
                examples.setdefault(reason, []).extend(found)
    return [
        {"name": name, "rows": rows, "examples": examples[name][:_MOST_EXAMPLES]} for name, rows in counts.most_common()
    ]


def _compared(own_runs: Sequence[PastRun], before: Sequence[PastRun]) -> dict[str, Any]:
    if not own_runs:
        return {"compared": False, "compared_with": 0, "first_times": [], "measures": []}
    last = before[-_LAST_RUNS:]
    return {
        "compared": True,
        "compared_with": len(last),
        "first_times": anomalies.first_times(own_runs[0], last),
        "measures": [measure.to_dict() for measure in anomalies.measures(own_runs[0], last)],
    }


def _columns(
    manifests: Sequence[Manifest], profiles: Profiles, before: Sequence[ColumnsBefore], version: object
) -> list[dict[str, Any]]:
    """Return the columns, changed ones first, each with its trend over the last runs and this one."""
    described = [column.to_dict() for column in profiles.columns]
    measures = anomalies.columns(described, [each.columns for each in before])
    types = {column["name"]: column["type"] for manifest in manifests for column in manifest.schema}
    imputed = manifests[0].statistics if len(manifests) == 1 else {}
    known = {str(column["name"]) for column in before[-1].columns} if before else set()
    made = []
    for column in described:
        name = column["name"]
        judged = [measure.to_dict() for measure in measures[name]]
        is_new = bool(before) and name not in known
        made.append(
            {
                **column,
                "type": types.get(name, ""),
                # The imputed value of a personal column is personal, too.
                "imputed": "" if column["kind"] == "personal" else imputed.get(name, {}).get("imputed", ""),
                "measures": judged,
                "is_new": is_new,
                "changed": is_new or any(measure["unusual"] for measure in judged),
                "trend": _trend(column, before, version),
            }
        )
    return sorted(made, key=lambda column: not column["changed"])


def _trend(column: Mapping[str, Any], before: Sequence[ColumnsBefore], version: object) -> dict[str, Any]:
    """Return the nulls (percent) and distinct values of the runs that had a column, and where the contract changed."""
    runs = [*before, ColumnsBefore(version, [column])]
    had = [(run.version, old) for run in runs for old in run.columns if old["name"] == column["name"]]
    return {
        "nulls": [100 * old["nulls"] / old["rows"] if old["rows"] else 0.0 for _, old in had],
        "distinct": [old["distinct"] for _, old in had],
        "versions": {
            str(at): str(now) for at, ((former, _), (now, _)) in enumerate(pairwise(had), start=1) if former != now
        },
    }


def _partitions(manifests: Sequence[Manifest]) -> dict[str, Any]:
    rows: Counter[str] = Counter()
    for manifest in manifests:
        rows.update({partition.path: partition.rows for partition in manifest.partitions if partition.path})
    named = [{"low": path, "high": path, "rows": count} for path, count in sorted(rows.items())[:_MOST_PARTITIONS]]
    return {"partitions": named, "partitions_total": len(rows)}


def _source(part: Part) -> dict[str, Any]:
    manifest = part.manifest
    return {
        "source": part.source,
        "version": part.version,
        "status": "REPLACED" if part.replaced_by else part.status,
        "replaced_by": part.replaced_by["run_id"] if part.replaced_by else "",
        "replaces": part.replaces["run_id"] if part.replaces else "",
        "links": {"replaced_by": "", "replaces": ""},
        "rows": manifest.rows_in if manifest else part.entry.get("rows"),
        "published": manifest.published if manifest else None,
        "quarantined": manifest.quarantined if manifest else None,
        "discarded": sum(manifest.discarded.values()) if manifest else None,
    }


def _origins(parts: Sequence[Part]) -> list[str]:
    """Return the origins of files that the `sluice` command made or sent."""
    return [f"{part.source} came by {part.entry['origin']}" for part in parts if part.entry.get("origin")]


def _timeline(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the steps of each file by the ledger's times, as seconds from the first upload; longest files first."""
    done = [part for part in parts if "published_at" in part.entry]
    if not done:
        return {"seconds": sum(part.manifest.seconds for part in parts if part.manifest), "files": [], "more": 0}
    began = min(part.entry["received_at"] for part in done)
    ended = max(part.entry["published_at"] for part in done)
    files = sorted((_steps(part, began) for part in done), key=lambda file: float(file["seconds"]), reverse=True)
    return {
        "began": began,
        "ended": ended,
        "seconds": seconds_between(began, ended),
        "files": files[:_LONGEST],
        "more": max(0, len(files) - _LONGEST),
    }


def _steps(part: Part, began: str) -> dict[str, Any]:
    entry = part.entry
    received = seconds_between(began, entry["received_at"])
    claimed = seconds_between(began, str(entry.get("claimed_at", entry["received_at"])))
    published = seconds_between(began, entry["published_at"])
    # The ledger has no time of the end of cleaning: its length is the manifest's, from the claim on.
    cleaned = min(published, claimed + (part.manifest.seconds if part.manifest else 0.0))
    steps = {
        "validation and waiting": (received, claimed),
        "cleaning": (claimed, cleaned),
        "publishing and checks": (cleaned, published),
    }
    return {
        "source": part.source,
        "seconds": published - received,
        "steps": [{"name": name, "start": start, "seconds": end - start} for name, (start, end) in steps.items()],
    }
