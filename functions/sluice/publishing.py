"""Makes a source's staged files its files in the lake, and can bring back what stood there before.

The ledger names the version of the lake manifest that readers were promised; that manifest names the version of
every object. Before the first change an undo record says which objects these are, and which keys this
publication and unfinished ones before it may have touched. So whatever died where, the next publication knows
what to replace, and Undo knows what to restore, without listing the lake.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import batched
from typing import Any, Self

from sluice.errors import CannotRestore, ManifestRefused
from sluice.layout import lake_key, lake_manifest_key, manifest_key, staging_prefix
from sluice.manifest import Manifest
from sluice.objects import ObjectVersion
from sluice.storage import get_json, put_json
from sluice.telemetry import logger

_THREADS = 8
"""Copies and restores are waiting, not work: eight at a time keep within botocore's ten connections."""


@dataclass(frozen=True)
class UndoRecord:
    """objects: key → version id of what readers were promised; touched: keys that may have changed since.

    partitions: the partition values of both, for the check of what readers see.
    """

    objects: dict[str, str] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    partitions: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


@dataclass(frozen=True)
class Place:
    """One source's place in the buckets, for one run."""

    s3: Any
    work_bucket: str
    lake_bucket: str
    dataset: str
    run_id: str
    source: ObjectVersion

    @property
    def lake_manifest(self) -> str:
        return lake_manifest_key(self.dataset, self.source)

    def manifest(self) -> Manifest:
        key = manifest_key(self.run_id, self.source)
        return Manifest.from_dict(get_json(self.s3, self.work_bucket, key))

    def targets(self, manifest: Manifest) -> dict[str, str]:
        """Staged key → lake key of every file. Raises ManifestRefused."""
        prefix = staging_prefix(self.run_id, self.source)
        paths = [file.path for file in (*manifest.files, *manifest.quarantine_files)]
        return {prefix + path: lake_key(self.dataset, self.source, path) for path in paths}


def undo_record(place: Place, manifest: Manifest, head: dict[str, Any]) -> UndoRecord:
    """Return how to undo the publication of a manifest. head: the key's item in the ledger.

    What an unfinished publication before this one touched is inherited: this one has to clean up behind it.
    """
    unfinished = _unfinished(place, head)
    promised, partitions = _promised(place, head.get("published_manifest"))
    touched = {*unfinished.touched, *place.targets(manifest).values(), place.lake_manifest}
    new = [partition.values for partition in manifest.partitions]
    return UndoRecord(promised, sorted(touched), _distinct([*partitions, *unfinished.partitions, *new]))


def replace(place: Place, manifest: Manifest, undo: UndoRecord) -> str:
    """Publish the staged files and take away the source's other files; return the lake manifest's version id.

    New files come before old ones go: a reader in between sees both, never neither. Repeating it is harmless.
    """
    targets = place.targets(manifest)
    with ThreadPoolExecutor(_THREADS) as threads:
        versions = list(threads.map(partial(_copy, place), targets, targets.values()))
    _remove(place, {*undo.objects, *undo.touched} - {*targets.values(), place.lake_manifest})
    objects = dict(zip(targets.values(), versions, strict=True))
    document = {**manifest.to_dict(), "source": place.source.to_dict(), "objects": objects}
    return put_json(place.s3, place.lake_bucket, place.lake_manifest, document)


def lake_manifest_version(place: Place) -> str:
    """Return the version id of the manifest that `replace` wrote. Raises ManifestRefused when it is another's."""
    answer = place.s3.get_object(Bucket=place.lake_bucket, Key=place.lake_manifest)
    run_id = json.loads(answer["Body"].read())["run_id"]
    if run_id != place.run_id:
        raise ManifestRefused(f"{place.lake_manifest} is of the run {run_id}")
    return str(answer["VersionId"])


def restore(s3: Any, lake_bucket: str, undo: UndoRecord) -> None:
    """Make the lake hold what readers were promised, at every key that was touched. Repeating it is harmless.

    A promised version becomes current again by removing the versions above it, which keeps its version id.
    Raises CannotRestore, after having restored the rest, when a promised version no longer exists.
    """
    keys = sorted({*undo.objects, *undo.touched})
    with ThreadPoolExecutor(_THREADS) as threads:
        restored = threads.map(lambda key: _restore(s3, lake_bucket, key, undo.objects.get(key)), keys)
    gone = [key for key, done in zip(keys, restored, strict=True) if not done]
    if gone:
        raise CannotRestore(f"the promised versions of {gone[:10]} ({len(gone)} objects) are gone")


def _unfinished(place: Place, head: dict[str, Any]) -> UndoRecord:
    if not head.get("undo"):
        return UndoRecord()
    try:
        return UndoRecord.from_dict(get_json(place.s3, place.work_bucket, head["undo"]))
    except place.s3.exceptions.NoSuchKey:
        # Staged files expire weeks after the run; whatever it had touched was undone in its own time.
        logger.warning("undo record expired", undo=head["undo"])
        return UndoRecord()


def _promised(place: Place, version_id: str | None) -> tuple[dict[str, str], list[dict[str, str]]]:
    if not version_id:
        return {}, []
    document = get_json(place.s3, place.lake_bucket, place.lake_manifest, version_id=version_id)
    objects = {**document["objects"], place.lake_manifest: version_id}
    return objects, [partition["values"] for partition in document["partitions"]]


def _copy(place: Place, staged: str, target: str) -> str:
    answer = place.s3.copy_object(
        Bucket=place.lake_bucket,
        Key=target,
        CopySource={"Bucket": place.work_bucket, "Key": staged},
        MetadataDirective="REPLACE",
        ContentType="application/vnd.apache.parquet",
        Metadata={"sluice-run": place.run_id, "sluice-source": place.source.id},
    )
    return str(answer["VersionId"])


def _remove(place: Place, keys: Iterable[str]) -> None:
    for some in batched(sorted(keys), 1000, strict=False):
        answer = place.s3.delete_objects(
            Bucket=place.lake_bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise OSError(f"S3 kept {len(errors)} objects, the first: {errors[0]}")


def _restore(s3: Any, bucket: str, key: str, version_id: str | None) -> bool:
    """Restore one key; False when the promised version is gone. version_id None: readers saw nothing there."""
    stack = list(_versions(s3, bucket, key))
    if version_id is None:
        if any(latest and not marker for _, latest, marker in stack):
            s3.delete_object(Bucket=bucket, Key=key)
        return True
    if version_id not in {version for version, _, _ in stack}:
        return False
    # S3 lists versions and delete markers apart and orders neither against the other: take off what is on top.
    while (top := next(version for version, latest, _ in stack if latest)) != version_id:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=top)
        stack = list(_versions(s3, bucket, key))
    return True


def _versions(s3: Any, bucket: str, key: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield (version id, is it the latest, is it a delete marker) of one key."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for kind, marker in (("Versions", False), ("DeleteMarkers", True)):
            for version in page.get(kind, []):
                if version["Key"] == key:
                    yield version["VersionId"], version["IsLatest"], marker
        if page.get("NextKeyMarker", key) != key:
            return


def _distinct(partitions: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(values) for values in sorted({tuple(partition.items()) for partition in partitions})]
