"""The facts of a run's page: its rows' outcomes, reasons, columns, last runs, times and cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sluice.ledger.history import Entry, PastRun, runs, seconds_between
from sluice.manifest import Manifest
from sluice.notify.messages import TABLE_HAS
from sluice.report import anomalies
from sluice.report.column_profile import Column

_MOST_EXAMPLES = 3
_MOST_PARTITIONS = 40
_LAST_RUNS = 30

Examples = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Part:
    """One source of a run. entry: the ledger's, {} outside of AWS; manifest: None when it was not published.

    examples: reason → [{row_number, text}], masked where personal.
    """

    source: str
    version: str
    entry: Entry = field(default_factory=dict)
    manifest: Manifest | None = None
    examples: Examples = field(default_factory=dict)

    @property
    def status(self) -> str:
        return str(self.entry.get("status", "CLEANED"))


@dataclass(frozen=True)
class Profiles:
    """The profiles of the published columns, and the number of rows that they are of."""

    columns: list[Column]
    rows: int


def facts(
    run_id: str,
    dataset: str,
    parts: Sequence[Part],
    profiles: Profiles,
    *,
    before: Sequence[PastRun] = (),
    columns_before: Sequence[Sequence[Mapping[str, Any]]] = (),
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return what the template `run` shows, as JSON can hold it.

    before: the dataset's last runs, oldest first, without this one; columns_before: the columns of some of them.
    """
    manifests = [part.manifest for part in parts if part.manifest]
    failed = [part for part in parts if part.status not in ("PUBLISHED", "SUPERSEDED", "CLEANED")]
    own_runs = runs(part.entry for part in parts if part.manifest and part.entry)
    status, pill = _status(parts, failed)
    return {
        "made_at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "run_id": run_id,
        "dataset": dataset,
        "in_aws": any(part.entry for part in parts),
        "contract_version": max((manifest.contract_version for manifest in manifests), default="unknown"),
        "headline": parts[0].source if len(parts) == 1 else f"{len(parts)} files of {dataset}",
        "status": status,
        "pill": pill,
        "ended_at": max((part.entry.get("updated_at", "") for part in parts), default=""),
        "failed": [_failure(part) for part in failed],
        **_outcomes(manifests),
        "reasons": _reasons(parts),
        **_compared(own_runs, before),
        "columns": _columns(manifests, profiles, columns_before),
        "looked_at": profiles.rows,
        **_partitions(manifests),
        "sources": [_source(part) for part in parts],
        "timings": _timings(parts),
        "cost_usd": own_runs[0].cost_usd if own_runs else None,
        "bytes_in": sum(manifest.bytes_in for manifest in manifests),
        "bytes_out": sum(manifest.bytes_out for manifest in manifests),
        "engines": sorted({manifest.engine for manifest in manifests}),
        "peak_rss_bytes": max((manifest.peak_rss_bytes for manifest in manifests), default=0),
        "notes": [*_origins(parts), *sorted({note for manifest in manifests for note in manifest.notes})],
    }


def _status(parts: Sequence[Part], failed: Sequence[Part]) -> tuple[str, str]:
    if not failed:
        statuses = {part.status for part in parts}
        return ("overtaken", "") if statuses == {"SUPERSEDED"} else (_WORDS[max(statuses)], "published")
    if len(failed) == len(parts):
        return "failed", "failed"
    return f"{len(failed)} of {len(parts)} files failed", "partly"


_WORDS = {"PUBLISHED": "published", "SUPERSEDED": "published", "CLEANED": "cleaned"}


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
    manifests: Sequence[Manifest], profiles: Profiles, before: Sequence[Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    described = [column.to_dict() for column in profiles.columns]
    measures = anomalies.columns(described, before)
    types = {column["name"]: column["type"] for manifest in manifests for column in manifest.schema}
    imputed = manifests[0].statistics if len(manifests) == 1 else {}
    return [
        {
            **column,
            "type": types.get(column["name"], ""),
            # The imputed value of a personal column is personal, too.
            "imputed": "" if column["kind"] == "personal" else imputed.get(column["name"], {}).get("imputed", ""),
            "measures": [measure.to_dict() for measure in measures[column["name"]]],
        }
        for column in described
    ]


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
        "status": part.status,
        "rows": manifest.rows_in if manifest else part.entry.get("rows"),
        "published": manifest.published if manifest else None,
        "quarantined": manifest.quarantined if manifest else None,
        "discarded": sum(manifest.discarded.values()) if manifest else None,
    }


def _origins(parts: Sequence[Part]) -> list[str]:
    """Return the origins of files that the `sluice` command made or sent."""
    return [f"{part.source} came by {part.entry['origin']}" for part in parts if part.entry.get("origin")]


def _timings(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the steps between the ledger's times; of a run of many files, from its first to its last."""
    cleaning = sum(part.manifest.seconds for part in parts if part.manifest)
    steps = [{"name": "cleaning" if len(parts) == 1 else "cleaning, summed", "seconds": cleaning}]
    done = [part.entry for part in parts if "published_at" in part.entry]
    if not done:
        return steps
    received = min(entry["received_at"] for entry in done)
    published = max(entry["published_at"] for entry in done)
    claimed = min((entry["claimed_at"] for entry in done if "claimed_at" in entry), default=received)
    whole = seconds_between(received, published)
    waited = seconds_between(received, claimed)
    steps = [
        {"name": "from upload to table", "seconds": whole},
        {"name": "validation and waiting", "seconds": waited},
        *steps,
    ]
    if len(parts) == 1:
        steps.append({"name": "publishing and checks", "seconds": max(0.0, whole - waited - cleaning)})
    return steps
