"""Complete: records the source as published, tags the upload, and puts DatasetUpdated on the bus."""

import os
from datetime import UTC, datetime
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import lake_manifest_key
from sluice.aws.telemetry import LambdaContext, count, logger, tracer
from sluice.errors import ObjectGone
from sluice.ingest.object_tags import tag
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.manifest import Manifest
from sluice.notify.messages import dataset_updated
from sluice.notify.send import put_event
from sluice.prices import cleaning_usd
from sluice.publish.lake import Lake, read_manifest

EVENT_BUS = os.environ["EVENT_BUS"]
CLEAN_MEMORY_MB = int(os.environ["CLEAN_MEMORY_MB"])
GLUE_DPUS = float(os.environ["GLUE_DPUS"])

S3 = clients.client("s3")
LAKE = Lake(S3, os.environ["LAKE_BUCKET"])
EVENTS = clients.client("events")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {id, status, replaced}: of how many manifests the objects are to be removed now.

    The ledger comes first: from there on the source is published, whatever fails after it, and a repetition only
    reports it again. Raises LeaseLost, ManifestRefused and ManifestMissing; then nothing is recorded.
    """
    task = Task.from_event(event)
    key = lake_manifest_key(task.dataset, task.run_id, task.source)
    manifest = read_manifest(LAKE, key).account
    counts = account(manifest)
    LEDGER.complete(task.source, run_id=task.run_id, manifest=key, **counts)
    head = LEDGER.head(task.source)
    replaced = len([*head.get("replaced", []), *head.get("emptied", [])])
    tag_upload(task)
    paths = [partition.path for partition in manifest.partitions]
    notice = dataset_updated(task.source, dataset=task.dataset, run_id=task.run_id, counts=counts, partitions=paths)
    put_event(EVENTS, EVENT_BUS, notice)
    measure(task, manifest, cost_usd=counts["cost_usd"])
    logger.info("source published", **counts)
    return {"id": task.source.id, "status": "PUBLISHED", "replaced": replaced}


def account(manifest: Manifest) -> dict[str, Any]:
    cost = cleaning_usd(manifest.engine, manifest.seconds, lambda_memory_mb=CLEAN_MEMORY_MB, glue_dpus=GLUE_DPUS)
    return {
        "contract_version": manifest.contract_version,
        "engine": manifest.engine,
        "rows": manifest.rows_in,
        "published": manifest.published,
        "quarantined": manifest.quarantined,
        "discarded": manifest.discarded,
        "reasons": manifest.reasons,
        "cleaning_seconds": manifest.seconds,
        "bytes_in": manifest.bytes_in,
        "bytes_out": manifest.bytes_out,
        "cost_usd": cost,
    }


def tag_upload(task: Task) -> None:
    try:
        tag(S3, task.source, status="PUBLISHED", run_id=task.run_id)
    except ObjectGone:
        logger.info("object version gone, not tagged")


def measure(task: Task, manifest: Manifest, *, cost_usd: float) -> None:
    received = datetime.fromisoformat(LEDGER.entry(task.source)["received_at"])
    count(
        {"dataset": task.dataset, "EstimatedUsd": cost_usd},
        FilesPublished=1,
        RowsPublished=manifest.published,
        RowsQuarantined=manifest.quarantined,
        RowsDiscarded=sum(manifest.discarded.values()),
        UploadToTableSeconds=(datetime.now(UTC) - received).total_seconds(),
    )
