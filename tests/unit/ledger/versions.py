"""Two versions of one key, and how far a run has come with one."""

from dataclasses import replace

from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import Ledger
from tests.unit.cloud import LEDGER, Cloud

FIRST = ObjectVersion(bucket="raw", key="sales/S1/2025-03-05.csv", version_id="v1", sequencer="0A", size=10)
SECOND = replace(FIRST, version_id="v2", sequencer="0B")


def claim(ledger: Ledger, source: ObjectVersion, run_id: str) -> bool:
    return ledger.claim(source, run_id=run_id, lease_seconds=100, engine="polars")


def published(ledger: Ledger, source: ObjectVersion, run_id: str, manifest: str) -> None:
    """Take a source of a run up to the end of Publish."""
    claim(ledger, source, run_id)
    ledger.begin_publishing(source, run_id=run_id, manifest=manifest)
    ledger.end_publishing(source, run_id=run_id, manifest=manifest)


def accepted(cloud: Cloud, *sources: ObjectVersion) -> None:
    for source in sources:
        cloud.ledger.receive(source)
        cloud.ledger.accept(source, run_id=f"run-{source.version_id}", dataset="sales")


def status(cloud: Cloud, source: ObjectVersion) -> str:
    return str(cloud.ledger.entry(source)["status"])


def at(cloud: Cloud, seconds: float) -> Ledger:
    return Ledger(cloud.dynamodb, LEDGER, clock=lambda: seconds)
