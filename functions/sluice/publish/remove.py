"""Removes objects from the lake: those of a run that is undone, and those that a newer version has replaced."""

from contextlib import suppress
from itertools import batched

from sluice.aws.object_keys import dataset_of_manifest, lake_manifest_key
from sluice.aws.object_version import ObjectVersion
from sluice.errors import LeaseLost, ObjectGone
from sluice.ingest.object_tags import tag
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Task
from sluice.publish.lake import Catalog, Lake, LakeManifest, read_manifest

_KEYS_OF_ONE_DELETE = 1000
"""What one DeleteObjects takes."""


def undo(lake: Lake, catalog: Catalog, ledger: Ledger, task: Task, *, error: str, cause: str) -> str:
    """Undo what a run did with a source and return the ledger's status of it. Repeating it is harmless.

    The lake is touched only while the run holds the source's lease: otherwise another run holds it, or
    this one has completed and its rows stay. Once begun, the run can no longer publish or complete the source.
    What readers saw before is still there: only objects that were never promised to them are removed. An Iceberg
    table gets a snapshot with the files of before. Raises ManifestMissing and CommitConflict.
    """
    if ledger.begin_undoing(task.source, run_id=task.run_id):
        head = ledger.head(task.source)
        # Another undo may have ended meanwhile, and the next run begun.
        for key in head.get("pending", []) if head.get("lease_owner") == task.run_id else []:
            manifest = read_manifest(lake, key)
            if manifest.in_iceberg:
                _restore(lake, catalog, ledger, task, manifest)
            remove_objects(lake, manifest)
            ledger.removed(task.source, manifest=key)
        _delete_emptied(lake, ledger, task.source)
        # The manifest of a publication that died before the ledger named it.
        own = lake_manifest_key(task.dataset, task.run_id, task.source)
        lake.s3.delete_object(Bucket=lake.bucket, Key=own)
    return ledger.fail(task.source, run_id=task.run_id, error=error, cause=cause)


def remove_replaced(lake: Lake, catalog: Catalog, ledger: Ledger, source: ObjectVersion) -> int:
    """Remove the objects that the published ones have replaced, and tag the uploads that they came from as REPLACED.

    Returns of how many manifests. Repeating it is harmless. Raises ManifestMissing and CommitConflict.
    """
    head = ledger.head(source)
    keys = head.get("replaced", [])
    for key in keys:
        manifest = read_manifest(lake, key)
        if manifest.in_iceberg:
            _take_out(lake, catalog, ledger, manifest)
        remove_objects(lake, manifest)
        # A version may be published by its second run, and what its first one left is replaced.
        if manifest.source.version_id != head["published_version"]:
            with suppress(ObjectGone):
                tag(lake.s3, manifest.source, status="REPLACED")
        ledger.removed(source, manifest=key)
    _delete_emptied(lake, ledger, source)
    return len(keys)


def _restore(lake: Lake, catalog: Catalog, ledger: Ledger, task: Task, manifest: LakeManifest) -> None:
    """Make the Iceberg table of an undone manifest have the source's files that readers are promised.

    Raises LeaseLost when another undo has ended meanwhile.
    """
    from sluice.publish.iceberg.commit import swap

    def allowed() -> None:
        if ledger.head(task.source).get("lease_owner") != task.run_id:
            raise LeaseLost(f"the undo of {task.run_id} has ended for {task.source.uri}")

    dataset = manifest.account.dataset
    promised = {task.source.uri: _promised(lake, ledger, task.source, dataset)}
    # Always: a late commit of this run, for the table as it is now, must be refused.
    swap(lake, catalog, dataset, promised, run_id=task.run_id, allowed=allowed, always=True)


def _take_out(lake: Lake, catalog: Catalog, ledger: Ledger, manifest: LakeManifest) -> None:
    """Take the files of a replaced manifest out of its Iceberg table, if the rows moved to another dataset.

    In the same table the commit of the newer run has done it.
    """
    from sluice.publish.iceberg.commit import swap

    dataset, source = manifest.account.dataset, manifest.source

    def allowed() -> None:
        head = ledger.head(source)
        others = [key for key in (head.get("published_manifest"), *head.get("pending", [])) if key]
        if manifest.key not in head.get("replaced", []) or dataset in map(dataset_of_manifest, others):
            raise LeaseLost(f"{source.uri} is in {dataset}, or a run is about to publish it there")

    run_id = manifest.account.run_id
    # A run that publishes the key in this dataset takes the files out itself, or its undo does.
    with suppress(LeaseLost):
        allowed()
        # Always: a run that died may have a commit prepared.
        swap(lake, catalog, dataset, {source.uri: None}, run_id=run_id, allowed=allowed, always=True)


def _promised(lake: Lake, ledger: Ledger, source: ObjectVersion, dataset: str) -> LakeManifest | None:
    """Return the manifest that readers of a dataset are promised of a key."""
    key = ledger.head(source).get("published_manifest")
    return read_manifest(lake, key) if key and dataset_of_manifest(key) == dataset else None


def _delete_emptied(lake: Lake, ledger: Ledger, source: ObjectVersion) -> None:
    """Delete the manifests whose objects are removed, also those that a function left behind when it died."""
    for key in ledger.head(source).get("emptied", []):
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)
        ledger.forget(source, manifest=key)


def remove_objects(lake: Lake, manifest: LakeManifest) -> None:
    """Add a delete marker to each object of a manifest. Raises OSError for what S3 did not delete.

    Its partitions stay registered, even if they are empty then: another run may just have found them registered.
    Those of an Iceberg table stay too, since older snapshots name them: maintenance deletes them with these.
    """
    kept = manifest.published if manifest.in_iceberg else []
    objects = [each for each in manifest.objects if each.key not in kept]
    for some in batched(objects, _KEYS_OF_ONE_DELETE, strict=False):
        keys = [{"Key": each.key} for each in some]
        answer = lake.s3.delete_objects(Bucket=lake.bucket, Delete={"Objects": keys, "Quiet": True})
        if errors := answer.get("Errors"):
            raise OSError(f"S3 did not delete {len(errors)} objects, the first: {errors[0]}")
