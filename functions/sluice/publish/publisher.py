"""Publishes a source's staged files: new objects beside those that readers see, under names that only this run writes.

Nothing that a query reads is overwritten. The manifest comes before the first object, and the ledger names it before
that too, so after a crash at any point it is known which objects may be there. They are the table's once Complete
has written them into the ledger; those that they replace are removed after that. Readers of a Parquet table see new
objects as soon as they are there, readers of an Iceberg table after the commit of the run (sluice.publish.commit).

Lambda's answer can be lost while the function goes on, and a call can stall for minutes; meanwhile the run may be
undone, or the run of a newer version finished. So the ledger is asked before the copies and after them, and a
function that may no longer publish removes what its run wrote. What remains possible: a function that is killed
between a late copy and the question after it leaves an object that no manifest of the ledger names.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched

from sluice.aws.s3 import created
from sluice.errors import LeaseLost
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.publish import partitions, tables
from sluice.publish.lake import Catalog, Lake, LakeManifest, write_manifest
from sluice.publish.remove import remove_objects

THREADS = 8
"""Copies are bound by the network: eight threads stay within botocore's ten connections."""
_COPIES_OF_ONE_CHECK = 64
"""Copies between two questions to the ledger: a late function makes at most so many in vain."""


@dataclass(frozen=True)
class Publication:
    """table: its kind, parquet or iceberg. new_partitions: how many the catalog did not have."""

    table: str
    new_partitions: int


def publish(lake: Lake, catalog: Catalog, ledger: Ledger, task: Task, *, work_bucket: str) -> Publication:
    """Publish the source. Repeating it is harmless.

    Raises LeaseLost, after removing what the run wrote, when the run may no longer publish; ManifestRefused and
    TableDisagrees.
    """
    manifest = write_manifest(lake, task, work_bucket=work_bucket)
    try:
        ledger.begin_publishing(task.source, run_id=task.run_id, manifest=manifest.key)
        location = f"s3://{lake.bucket}/"
        tables.require(catalog.glue, catalog.database, task.dataset, location=location, manifest=manifest.account)
        _copy_all(lake, ledger, task, manifest, work_bucket=work_bucket)
        # The metadata of an Iceberg table name its partitions.
        new = 0 if manifest.in_iceberg else partitions.register(catalog.glue, catalog.database, manifest.account)
        ledger.end_publishing(task.source, run_id=task.run_id, manifest=manifest.key)
    except Exception as error:
        if ledger.may_publish(task.source, run_id=task.run_id):
            raise
        _withdraw(lake, ledger, manifest)
        raise LeaseLost(f"{task.run_id} may no longer publish {task.source.uri}: {error}") from error
    return Publication(manifest.account.table, new)


def _copy_all(lake: Lake, ledger: Ledger, task: Task, manifest: LakeManifest, *, work_bucket: str) -> None:
    def copy(key: str, staged: str) -> None:
        # An object that is there was copied by this run: by another invocation, or before an answer was lost.
        created(
            lambda: lake.s3.copy_object(
                Bucket=lake.bucket,
                Key=key,
                CopySource={"Bucket": work_bucket, "Key": staged},
                IfNoneMatch="*",
                MetadataDirective="REPLACE",
                ContentType="application/vnd.apache.parquet",
                Metadata={"sluice-run": task.run_id, "sluice-source": task.source.id},
            )
        )

    with ThreadPoolExecutor(THREADS) as threads:
        for some in batched(manifest.copies().items(), _COPIES_OF_ONE_CHECK, strict=False):
            if not ledger.may_publish(task.source, run_id=task.run_id):
                raise LeaseLost("another run, or the undo of this one, has begun")
            list(threads.map(copy, *zip(*some, strict=True)))


def _withdraw(lake: Lake, ledger: Ledger, manifest: LakeManifest) -> None:
    """Remove what a run wrote that may no longer publish, unless another invocation of it has completed the source.

    A manifest that the ledger names stays: whoever takes it off the ledger reads it before.
    """
    head = ledger.head(manifest.source)
    if head.get("published_manifest") == manifest.key:
        return
    is_named = manifest.key in (*head.get("pending", []), *head.get("replaced", []))
    remove_objects(lake, manifest)
    if not is_named:
        lake.s3.delete_object(Bucket=lake.bucket, Key=manifest.key)
