"""Publish: the staged files become the table's files of this source, replacing what it published before."""

import os
from functools import partial
from typing import Any

from sluice.aws import clients
from sluice.aws.object_keys import undo_key
from sluice.aws.s3 import put_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.publish import publisher, tables
from sluice.publish.fence import fenced

WORK_BUCKET = os.environ["WORK_BUCKET"]
LAKE_BUCKET = os.environ["LAKE_BUCKET"]
DATABASE = os.environ["DATABASE"]
LEASE_SECONDS = int(os.environ["LEASE_SECONDS"])

S3 = clients.client("s3")
GLUE = clients.client("glue")
LEDGER = Ledger(clients.client("dynamodb"), os.environ["LEDGER_TABLE"])


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return {id, new_partitions}: how many partitions the catalog does not have yet.

    Raises LeaseLost, ManifestRefused and TableDisagrees. Repeating it is harmless.
    """
    task = Task.from_event(event)
    target = publisher.PublishTarget(S3, WORK_BUCKET, LAKE_BUCKET, task.dataset, task.run_id, task.source)
    head = LEDGER.hold(task.source, run_id=task.run_id, lease_seconds=LEASE_SECONDS)
    manifest = target.manifest()
    undo = publisher.undo_record(target, manifest, head)
    put_json(S3, WORK_BUCKET, undo_key(task.run_id, task.source), undo.to_dict())
    LEDGER.begin_publishing(task.source, run_id=task.run_id, undo=undo_key(task.run_id, task.source))
    tables.ensure(GLUE, DATABASE, task.dataset, location=f"s3://{LAKE_BUCKET}/", manifest=manifest)
    may_publish = partial(LEDGER.may_publish, task.source, run_id=task.run_id)
    with fenced(S3, LAKE_BUCKET, may_publish) as fence:
        version = publisher.replace(target, manifest, undo, fence)
        LEDGER.end_publishing(task.source, run_id=task.run_id, manifest=version)
    new = tables.unknown_partitions(GLUE, DATABASE, manifest)
    logger.info("files published", files=len(manifest.files), rows=manifest.published, new_partitions=new[:20])
    return {"id": task.source.id, "new_partitions": len(new)}
