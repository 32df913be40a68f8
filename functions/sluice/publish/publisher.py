"""Publishes a source's staged files to the lake, with a record of how to undo it.

The ledger names the version of the published lake manifest; that manifest names the version of every object. Before
the first change an undo record is written: which objects these are, and which keys this publication and unfinished
ones before it may have touched. So after a crash at any point the next publication knows what to replace, and Undo
what to restore, without listing the lake. Late writes of a function that was presumed dead are rolled back
(sluice.publish.fence).
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import batched
from typing import Any, Self

from sluice.aws.object_keys import lake_key, lake_manifest_key, manifest_key, staging_prefix
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import get_json, put_json
from sluice.aws.telemetry import logger
from sluice.manifest import Manifest
from sluice.publish.fence import Fence

THREADS = 8
"""Copies and restores are bound by the network: eight threads stay within botocore's ten connections."""
_COPIES_OF_ONE_CHECK = 64
"""Copies between two checks of the lease: a late function makes at most so many in vain."""


@dataclass(frozen=True)
class UndoRecord:
    """objects: key → version id of the published objects; touched: keys that may have changed since.

    partitions: the partition values of both, for the check of the row counts.
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
class PublishTarget:
    """The buckets, the run and the source of one publication."""

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


def undo_record(target: PublishTarget, manifest: Manifest, head: dict[str, Any]) -> UndoRecord:
    """Return how to undo the publication of a manifest. head: the key's item in the ledger.

    What an unfinished publication before this one touched is included: this one has to clean it up.
    """
    unfinished = _unfinished(target, head)
    published, partitions = _published(target, head.get("published_manifest"))
    touched = {*unfinished.touched, *target.targets(manifest).values(), target.lake_manifest}
    new = [partition.values for partition in manifest.partitions]
    return UndoRecord(published, sorted(touched), _distinct([*partitions, *unfinished.partitions, *new]))


def replace(target: PublishTarget, manifest: Manifest, undo: UndoRecord, fence: Fence) -> str:
    """Publish the staged files and delete the source's other files; return the lake manifest's version id.

    New files are written before old ones are deleted: a query in between sees both, never neither. Repeating it
    is harmless. Raises LeaseLost. The lease must be checked once more after it.
    """
    targets = target.targets(manifest)
    versions: list[str] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for some in batched(targets.items(), _COPIES_OF_ONE_CHECK, strict=False):
            fence.check()
            versions += threads.map(partial(_copy, target, fence), *zip(*some, strict=True))
    fence.add_delete_markers(sorted({*undo.objects, *undo.touched} - {*targets.values(), target.lake_manifest}))
    objects = dict(zip(targets.values(), versions, strict=True))
    document = {**manifest.to_dict(), "source": target.source.to_dict(), "objects": objects}
    fence.check()
    return fence.written(target.lake_manifest, put_json(target.s3, target.lake_bucket, target.lake_manifest, document))


def _unfinished(target: PublishTarget, head: dict[str, Any]) -> UndoRecord:
    if not head.get("undo"):
        return UndoRecord()
    try:
        return UndoRecord.from_dict(get_json(target.s3, target.work_bucket, head["undo"]))
    except target.s3.exceptions.NoSuchKey:
        # Staged files expire weeks after the run; what it had touched was undone before that.
        logger.warning("undo record expired", undo=head["undo"])
        return UndoRecord()


def _published(target: PublishTarget, version_id: str | None) -> tuple[dict[str, str], list[dict[str, str]]]:
    if not version_id:
        return {}, []
    document = get_json(target.s3, target.lake_bucket, target.lake_manifest, version_id=version_id)
    objects = {**document["objects"], target.lake_manifest: version_id}
    return objects, [partition["values"] for partition in document["partitions"]]


def _copy(target: PublishTarget, fence: Fence, staged: str, key: str) -> str:
    answer = target.s3.copy_object(
        Bucket=target.lake_bucket,
        Key=key,
        CopySource={"Bucket": target.work_bucket, "Key": staged},
        MetadataDirective="REPLACE",
        ContentType="application/vnd.apache.parquet",
        Metadata={"sluice-run": target.run_id, "sluice-source": target.source.id},
    )
    return fence.written(key, str(answer["VersionId"]))


def _distinct(partitions: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(values) for values in sorted({tuple(partition.items()) for partition in partitions})]
