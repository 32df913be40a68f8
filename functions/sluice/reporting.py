"""Tells of a failed run: what the ledger says of each failed source, to people, systems and metrics."""

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.ledger import Ledger
from sluice.notices import Failure, plain_cause, run_failed
from sluice.objects import ObjectVersion
from sluice.runs import Run
from sluice.telemetry import count
from sluice.telling import alert, put_event


def failures_of(ledger: Ledger, failed: Iterable[Mapping[str, Any]]) -> list[Failure]:
    """Return the failures of [{source, error: {Error, Cause}}], with the ledger's status of each."""
    return [
        _failure(ledger, ObjectVersion.from_dict(each["source"]), each["error"]["Error"], each["error"]["Cause"])
        for each in failed
    ]


def tell(events: Any, sns: Any, run: Run, failures: list[Failure], *, bus: str, topic_arn: str) -> None:
    """Put RunFailed on the bus, send the alert and count the failed files."""
    notice = run_failed(run_id=run.run_id, dataset=run.dataset, sources=len(run.sources), failures=failures)
    put_event(events, bus, notice)
    alert(sns, topic_arn, notice)
    count(run.dataset, RunsFailed=1, FilesFailed=len(failures))


def _failure(ledger: Ledger, source: ObjectVersion, error: str, cause: str) -> Failure:
    entry = ledger.entry(source)
    rows = int(entry["rows"]) if "rows" in entry else None
    reasons = {name: int(count) for name, count in entry.get("reasons", {}).items()}
    ordered = dict(sorted(reasons.items(), key=lambda reason: -reason[1]))
    return Failure(source, entry.get("status", "unknown"), error, plain_cause(cause), rows, ordered)
