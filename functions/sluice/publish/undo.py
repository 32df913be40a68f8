"""Undoes a source of a run: the lake is restored, and the ledger records FAILED and the reason."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json
from sluice.errors import CannotRestore, LeaseLost
from sluice.ledger.ledger import Ledger
from sluice.publish.fence import Fence, fenced
from sluice.publish.publisher import THREADS, UndoRecord


def undo(
    s3: Any,
    ledger: Ledger,
    source: ObjectVersion,
    *,
    run_id: str,
    work_bucket: str,
    lake_bucket: str,
    error: str,
    cause: str,
) -> str:
    """Undo what a run did with a source and return the ledger's status of it. Repeating it is harmless.

    The lake is touched only while the run holds the source's lease: otherwise another run holds it, or
    this one has completed and its rows stay. Once begun, the run can no longer publish or complete the source.
    """
    if ledger.begin_undoing(source, run_id=run_id):
        _restore_source(s3, ledger, source, run_id=run_id, work_bucket=work_bucket, lake_bucket=lake_bucket)
    return ledger.fail(source, run_id=run_id, error=error, cause=cause)


def _restore_source(
    s3: Any, ledger: Ledger, source: ObjectVersion, *, run_id: str, work_bucket: str, lake_bucket: str
) -> None:
    record = ledger.head(source).get("undo")
    if not record:
        return
    undo = UndoRecord.from_dict(get_json(s3, work_bucket, record))
    # Lost: another invocation has undone it meanwhile, or the lease has ended and another run holds it.
    with suppress(LeaseLost), fenced(s3, lake_bucket, partial(ledger.holds, source, run_id=run_id)) as fence:
        restore(undo, fence)


def restore(undo: UndoRecord, fence: Fence) -> None:
    """Restore the published object version of every key that was touched. Repeating it is harmless.

    A version becomes current again by deleting the versions above it, which keeps its version id.
    Raises LeaseLost; CannotRestore, after having restored the rest, when a published version no longer exists.
    """
    keys = sorted({*undo.objects, *undo.touched})
    with ThreadPoolExecutor(THREADS) as threads:
        restored = list(threads.map(lambda key: _restore(key, undo.objects.get(key), fence), keys))
    fence.check()
    gone = [key for key, done in zip(keys, restored, strict=True) if not done]
    if gone:
        raise CannotRestore(f"the published versions of {gone[:10]} ({len(gone)} objects) are gone")


def _restore(key: str, version_id: str | None, fence: Fence) -> bool:
    """Restore one key; False when the version is gone. version_id None: nothing was published there."""
    stack = list(_versions(fence.s3, fence.bucket, key))
    if version_id is None:
        if any(not marker for _, _, marker in stack):
            # Also above another's marker: a late function may delete its own again.
            fence.add_delete_markers([key])
        return True
    if version_id not in {version for version, _, _ in stack}:
        return False
    # S3 lists versions and delete markers apart and orders neither against the other: delete what is on top.
    while (top := next(version for version, latest, _ in stack if latest)) != version_id:
        # What was there before the lease was checked was not written by a later holder.
        fence.check()
        fence.s3.delete_object(Bucket=fence.bucket, Key=key, VersionId=top)
        stack = list(_versions(fence.s3, fence.bucket, key))
    return True


def _versions(s3: Any, bucket: str, key: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield (version id, is latest, is a delete marker) of one key."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for kind, marker in (("Versions", False), ("DeleteMarkers", True)):
            for version in page.get(kind, []):
                if version["Key"] == key:
                    yield version["VersionId"], version["IsLatest"], marker
        if page.get("NextKeyMarker", key) != key:
            return
