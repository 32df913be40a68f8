"""The messages for people, each with the next command, and the events for other systems.

None of them holds a row or a cell, only file names, counts and names of checks.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sluice.aws.object_keys import report_key
from sluice.aws.object_version import ObjectVersion
from sluice.runtime.text import printable

EVENT_SOURCE = "sluice"
_MOST = 10
"""Reasons and files that a message names; the report has them all."""

_MOST_REASONS = 3

_LIST_BYTES = 200_000
"""Bytes of a list in an event, which has less than 256 KiB: a key of 1 KiB can take 6 KiB as JSON, twice in it."""

TABLE_HAS = {
    "FAILED": "what was published before",
    "PUBLISHED": "this version: it was published before the error",
    "CLEANING": "perhaps a part of this version: it is not undone yet, recovery tries again",
}


@dataclass(frozen=True)
class Notice:
    """An event for machines: its type and detail; and, when a person should know, a subject and a text."""

    detail_type: str
    detail: dict[str, Any]
    subject: str = ""
    text: str = ""


@dataclass(frozen=True)
class Failure:
    """Why one source of a run failed, its status in the ledger, and its rows where they are known.

    reasons: rows that validation would quarantine, by failed check.
    """

    source: ObjectVersion
    status: str
    error: str
    cause: str
    rows: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)


def file_rejected(source: ObjectVersion, report: Mapping[str, Any], *, work_bucket: str) -> Notice:
    """Return the notice of a rejected file. report: its validation report, as a dict."""
    address = f"s3://{work_bucket}/{report_key(source)}"
    reasons = dict(list(report["reasons"].items())[:_MOST])
    detail = {
        **_named(source),
        "dataset": report["dataset"],
        "contract_version": report["contract_version"],
        "rows": report["rows"],
        "would_quarantine": report["would_quarantine"],
        "reasons": reasons,
        "problems": [problem[:500] for problem in report["problems"][:_MOST]],
        "report": address,
    }
    text = [
        "The file was rejected. Nothing of it was published; the table has what was published before.",
        "",
        *_facts(
            {
                "File": source.uri,
                "Version": source.version_id,
                "Dataset": f"{report['dataset']} (contract version {report['contract_version']})",
                "Rows": f"{report['rows']:,} read, {report['would_quarantine']:,} would be quarantined",
                "Report": address,
            }
        ),
        "",
        "Why:",
        *(f"  {problem[:500]}" for problem in report["problems"][:_MOST]),
        "",
        "Checks that failed, with their rows (1 for a check of the whole file):",
        *(f"  {name}: {rows:,}" for name, rows in reasons.items()),
        "",
        "Next: correct the file and upload it again under the same key. To see more of it, with examples:",
        f"  sluice show {shlex.quote(source.uri)}",
        f"  sluice report {shlex.quote(source.uri)}",
    ]
    return Notice("FileRejected", detail, _subject(f"Sluice rejected {source.key}"), _lines(text))


def dataset_updated(
    source: ObjectVersion, *, dataset: str, run_id: str, counts: Mapping[str, Any], partitions: Iterable[str]
) -> Notice:
    """Return the notice of a published source. partitions: their paths; the first 200 kB are named."""
    paths = list(partitions)
    detail = {
        **_named(source),
        "dataset": dataset,
        "run_id": run_id,
        **counts,
        "partitions": _first(paths),
        "partitions_total": len(paths),
    }
    return Notice("DatasetUpdated", detail)


def run_failed(*, run_id: str, dataset: str, sources: int, failures: list[Failure]) -> Notice:
    """Return the notice of a failed run. sources: how many it has; failures: at least one."""
    detail = {
        "run_id": run_id,
        "dataset": dataset,
        "bucket": failures[0].source.bucket,
        "sources": sources,
        "failed_total": len(failures),
        "failed": _first(
            {**_named(each.source), "status": each.status, "error": each.error, "cause": each.cause[:500]}
            for each in failures
        ),
    }
    text = [
        f"{len(failures)} of the run's {sources} file(s) failed.",
        "",
        *_facts({"Run": run_id, "Dataset": dataset}),
        "",
    ]
    for each in failures[:_MOST]:
        text += [*_failure_lines(each), ""]
    if len(failures) > _MOST:
        text += [f"and {len(failures) - _MOST} more", ""]
    if all(each.error == "FileRejected" for each in failures):
        text.append("Next: correct each file and upload it again under its key. To see more:")
    else:
        text.append("Next: see the run, fix the cause, then run the failed files again:")
    text += [f"  sluice show {shlex.quote(run_id)}", f"  sluice report {shlex.quote(run_id)}"]
    if any(each.error != "FileRejected" for each in failures):
        text.append(f"  sluice redrive {shlex.quote(run_id)}")
    return Notice("RunFailed", detail, _subject(f"Sluice run {run_id} failed"), _lines(text))


def dataset_stale(dataset: str, *, last_published: str, expected_every: timedelta, raw_bucket: str) -> Notice:
    """Return the notice of a stale dataset: nothing was published for longer than its contract says.

    last_published: ISO, UTC.
    """
    hours = round(expected_every.total_seconds() / 3600, 2)
    detail = {
        "dataset": dataset,
        "bucket": raw_bucket,
        "last_published": last_published,
        "expected_every_hours": hours,
    }
    text = [
        f"No file of {dataset} was published for more than {hours:g} hours. The table has what was published before.",
        "",
        *_facts({"Dataset": dataset, "Last": last_published, "Upload": f"s3://{raw_bucket}/"}),
        "",
        "Next: see whether files came and were rejected or failed; if none came, ask their producer:",
        f"  sluice runs --dataset {shlex.quote(dataset)}",
        f"  sluice report {shlex.quote(dataset)}",
    ]
    return Notice("DatasetStale", detail, _subject(f"Sluice: {dataset} is stale"), _lines(text))


def crawl_disagrees(*, crawler: str, database: str, raw_bucket: str, disagreements: list[str]) -> Notice:
    """Return the notice of a crawl that found the catalog otherwise than the contracts say, a sentence each."""
    detail = {
        "crawler": crawler,
        "database": database,
        "bucket": raw_bucket,
        "disagreements": [text[:500] for text in disagreements[:50]],
        "disagreements_total": len(disagreements),
    }
    text = [
        "The crawl found the catalog otherwise than the contracts say. No run failed; published rows are as they were.",
        "",
        *_facts({"Crawler": crawler, "Database": database}),
        "",
        *(f"- {each}" for each in disagreements[:_MOST]),
        *([f"and {len(disagreements) - _MOST} more"] if len(disagreements) > _MOST else []),
        "",
        "Next: find who changed the catalog; a deployment makes the tables as the contracts say. The crawl's log:",
        f"  aws logs tail /aws-glue/crawlers --log-stream-names {shlex.quote(crawler)}",
    ]
    return Notice("CrawlDisagrees", detail, _subject(f"Sluice: the crawl of {database} disagrees"), _lines(text))


def lake_differs(
    kinds: Mapping[str, int], first: Mapping[str, str], advice: Mapping[str, str], *, raw_bucket: str
) -> Notice:
    """Return the notice of a lake that is not as the ledger promises.

    kinds: how many differences of each kind; first: an example of each; advice: what to do about it.
    """
    text = ["The lake is not as the ledger promises:", ""]
    for kind, many in kinds.items():
        text += [f"{many:,} {kind}, such as {first[kind]}", f"  {advice[kind]}"]
    text += ["", "Next: see all of them; --repair heals what is safe to repair:", "  sluice verify"]
    detail = {"bucket": raw_bucket, "differences": dict(kinds)}
    return Notice("LakeDiffers", detail, _subject(f"Sluice: {sum(kinds.values())} differences"), _lines(text))


def objects_unseen(versions: Sequence[ObjectVersion], *, raw_bucket: str) -> Notice:
    """Return the notice of objects in the raw bucket that are not in the ledger: no event of them came."""
    named = [{"key": version.key, "version_id": version.version_id} for version in versions[:50]]
    count = f"{len(versions):,} object{'s' if len(versions) > 1 else ''}"
    text = [
        f"{count} in the raw bucket never reached Sluice: no event of the upload came.",
        "",
        *(f"  {version.key}" for version in versions[:_MOST]),
        *([f"  and {len(versions) - _MOST:,} more"] if len(versions) > _MOST else []),
        "",
        "Next: take them in; files that are in the table already are skipped:",
        f"  sluice backfill s3://{raw_bucket}/",
        "If it happens again, see whether the bucket sends events to EventBridge and the upload rule is enabled.",
    ]
    detail = {"bucket": raw_bucket, "count": len(versions), "objects": named}
    return Notice("UnseenObjects", detail, _subject(f"Sluice: {count} never seen"), _lines(text))


def plain_cause(cause: str) -> str:
    """Return the message inside a Step Functions cause, which is often JSON, possibly cut off in the middle."""
    found = re.search(r'"(?:errorMessage|ErrorMessage)"\s*:\s*"((?:[^"\\]|\\.)*)', cause)
    text = found[1].replace('\\"', '"').replace("\\n", " ") if found else cause
    return " ".join(text.split())[:500]


def _failure_lines(failure: Failure) -> list[str]:
    reasons = [f"{name} ({rows:,} rows)" for name, rows in list(failure.reasons.items())[:_MOST_REASONS]]
    return _facts(
        {
            "File": failure.source.uri,
            "Version": failure.source.version_id,
            "Rows": "unknown" if failure.rows is None else f"{failure.rows:,}",
            "Ledger": failure.status,
            "Table": f"has {TABLE_HAS.get(failure.status, 'what was published before')}",
            "Error": failure.error,
            "Why": failure.cause,
            **({"Reasons": ", ".join(reasons)} if reasons else {}),
        }
    )


def _first[Item](items: Iterable[Item]) -> list[Item]:
    """Return the items that have _LIST_BYTES as JSON, from the first on."""
    found: list[Item] = []
    left = _LIST_BYTES
    for item in items:
        left -= len(json.dumps(item, ensure_ascii=False).encode()) + 2
        if left < 0:
            break
        found.append(item)
    return found


def _named(source: ObjectVersion) -> dict[str, Any]:
    return {
        "source": source.uri,
        "source_id": source.id,
        "bucket": source.bucket,
        "key": source.key,
        "version_id": source.version_id,
    }


def _facts(facts: Mapping[str, str]) -> list[str]:
    return [f"{name + ':':<9}{printable(value)}" for name, value in facts.items()]


def _lines(lines: Iterable[str]) -> str:
    """SNS takes 256 KiB."""
    return "\n".join(printable(line) for line in lines).encode()[:250_000].decode(errors="ignore") + "\n"


def _subject(text: str) -> str:
    """SNS takes at most 100 ASCII characters, none of them a control character."""
    shown = printable(text).encode("ascii", "replace").decode()
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
