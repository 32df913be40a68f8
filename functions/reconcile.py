"""Reconcile: rows in equal rows published, quarantined and discarded, or nothing is published."""

import os
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import manifest_key, rejected_key, report_key, staging_prefix
from sluice.aws.s3 import get_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.errors import FileRejected, NotCleaned, NotValidated
from sluice.ledger.runs import Task
from sluice.manifest import Manifest
from sluice.publish.reconcile import reconcile

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.client("s3")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the account {id, rows_in, published, quarantined, discarded}.

    Raises FileRejected, NotCleaned, NotValidated, ManifestRefused and RowsLost.
    """
    task = Task.from_event(event)
    manifest = load_manifest(task)
    report = load(report_key(task.source))
    if report is None:
        raise NotValidated(f"there is no validation report of {task.source.uri}")
    reconcile(
        manifest,
        run_id=task.run_id,
        dataset=task.dataset,
        source=task.source,
        report=report,
        staged=staged(staging_prefix(task.run_id, task.source)),
    )
    account: dict[str, Any] = {
        "rows_in": manifest.rows_in,
        "published": manifest.published,
        "quarantined": manifest.quarantined,
        "discarded": manifest.discarded,
    }
    logger.info("rows accounted for", **account)
    return {"id": task.source.id, **account}


def load_manifest(task: Task) -> Manifest:
    document = load(manifest_key(task.run_id, task.source))
    if document is not None:
        return Manifest.from_dict(document)
    rejected = load(rejected_key(task.run_id, task.source))
    if rejected is not None:
        raise FileRejected(rejected["reason"], rejected["message"])
    raise NotCleaned(f"{task.run_id} has no manifest of {task.source.uri}")


def load(key: str) -> Any:
    """Return a document of the work bucket, or None."""
    try:
        return get_json(S3, WORK_BUCKET, key)
    except S3.exceptions.NoSuchKey:
        return None


def staged(prefix: str) -> dict[str, int]:
    """Return the size of everything staged, by its path below the prefix."""
    pages = S3.get_paginator("list_objects_v2").paginate(Bucket=WORK_BUCKET, Prefix=prefix)
    return {entry["Key"].removeprefix(prefix): entry["Size"] for page in pages for entry in page.get("Contents", [])}
