"""Clean: one file becomes staged Parquet files and the account of its rows, in one process."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sluice.aws import clients, secrets
from sluice.aws.object_keys import file_stem, manifest_key, staging_prefix
from sluice.aws.s3 import S3Source, put_json
from sluice.aws.telemetry import LambdaContext, logger, tracer
from sluice.contract import registry
from sluice.engines import polars_engine
from sluice.ledger.runs import Task
from sluice.manifest import Manifest

WORK_BUCKET = os.environ["WORK_BUCKET"]

S3 = clients.s3_files()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Return {id, manifest}, the key of the manifest in the work bucket. Raises FileRejected."""
    task = Task.from_event(event)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        manifest = clean(task, out)
        stage(task, manifest, out)
    logger.info(
        "file cleaned",
        rows_in=manifest.rows_in,
        published=manifest.published,
        quarantined=manifest.quarantined,
        discarded=manifest.discarded,
        seconds=manifest.seconds,
        peak_rss_bytes=manifest.peak_rss_bytes,
    )
    return {"id": task.source.id, "manifest": manifest_key(task.run_id, task.source)}


def clean(task: Task, out: Path) -> Manifest:
    source = task.source
    lineage = polars_engine.Lineage(source.uri, task.run_id, file_stem(task.run_id, source), source.version_id)
    contract = registry.load(task.dataset)
    return polars_engine.clean(
        contract,
        S3Source(S3, source.bucket, source.key, source.version_id),
        out,
        lineage=lineage,
        parts=registry.match(source.key).parts,
        hash_key=secrets.hash_key() if contract.hashed else "",
    )


def stage(task: Task, manifest: Manifest, out: Path) -> None:
    """Upload the files, then the manifest: when it exists, all that it names does."""
    prefix = staging_prefix(task.run_id, task.source)

    def upload(path: str) -> None:
        S3.upload_file(str(out / path), WORK_BUCKET, prefix + path)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(upload, [file.path for file in (*manifest.files, *manifest.quarantine_files)]))
    put_json(S3, WORK_BUCKET, manifest_key(task.run_id, task.source), manifest.to_dict())
