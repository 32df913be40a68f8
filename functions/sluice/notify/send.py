"""Sends notices: to EventBridge for machines, to the alerts topic for people."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.aws.telemetry import count
from sluice.errors import NoticeNotSent
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Run
from sluice.notify.messages import EVENT_SOURCE, Failure, Notice, plain_cause, run_failed


def put_event(events: Any, bus: str, notice: Notice) -> None:
    """Put the notice's event on the bus. Raises NoticeNotSent."""
    entry = {
        "Source": EVENT_SOURCE,
        "DetailType": notice.detail_type,
        "Detail": json.dumps(notice.detail, ensure_ascii=False),
        "EventBusName": bus,
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise NoticeNotSent(f"{notice.detail_type}: {failed.get('ErrorCode')} {failed.get('ErrorMessage')}")


def alert(sns: Any, topic_arn: str, notice: Notice) -> None:
    """Send the notice's text to the people who subscribed to the topic."""
    sns.publish(TopicArn=topic_arn, Subject=notice.subject, Message=notice.text)


def failures_of(ledger: Ledger, failed: Iterable[Mapping[str, Any]]) -> list[Failure]:
    """Return the failures of [{source, error: {Error, Cause}}], with the ledger's status of each."""
    return [
        _failure(ledger, ObjectVersion.from_dict(each["source"]), each["error"]["Error"], each["error"]["Cause"])
        for each in failed
    ]


def report_failures(events: Any, sns: Any, run: Run, failures: list[Failure], *, bus: str, topic_arn: str) -> None:
    """Put RunFailed on the bus, send the alert and count the failed files."""
    notice = run_failed(run_id=run.run_id, dataset=run.dataset, sources=len(run.sources), failures=failures)
    put_event(events, bus, notice)
    alert(sns, topic_arn, notice)
    count({"dataset": run.dataset}, FilesFailed=len(failures))


def _failure(ledger: Ledger, source: ObjectVersion, error: str, cause: str) -> Failure:
    entry = ledger.entry(source)
    rows = int(entry["rows"]) if "rows" in entry else None
    reasons = {name: int(count) for name, count in entry.get("reasons", {}).items()}
    ordered = dict(sorted(reasons.items(), key=lambda reason: -reason[1]))
    return Failure(source, entry.get("status", "unknown"), error, plain_cause(cause), rows, ordered)
