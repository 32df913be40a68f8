"""Makes a source's staged files its files in the lake, and can bring back what stood there before.

The ledger names the version of the lake manifest that readers were promised; that manifest names the version of
every object. Before the first change an undo record says which objects these are, and which keys this
publication and unfinished ones before it may have touched. So whatever died where, the next publication knows
what to replace, and Undo knows what to restore, without listing the lake. What seemed to be dead and goes on is
kept from doing harm by the fence (sluice.publish.fence).
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
"""Copies and restores are waiting, not work: eight at a time keep within botocore's ten connections."""
_COPIES_OF_ONE_LOOK = 64
"""Copies between two looks at the ledger: so many a late function makes for nothing, at most."""


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
class PublishTarget:
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


def undo_record(place: PublishTarget, manifest: Manifest, head: dict[str, Any]) -> UndoRecord:
    """Return how to undo the publication of a manifest. head: the key's item in the ledger.

    What an unfinished publication before this one touched is inherited: this one has to clean up behind it.
    """
    unfinished = _unfinished(place, head)
    promised, partitions = _promised(place, head.get("published_manifest"))
    touched = {*unfinished.touched, *place.targets(manifest).values(), place.lake_manifest}
    new = [partition.values for partition in manifest.partitions]
    return UndoRecord(promised, sorted(touched), _distinct([*partitions, *unfinished.partitions, *new]))


def replace(place: PublishTarget, manifest: Manifest, undo: UndoRecord, fence: Fence) -> str:
    """Publish the staged files and take away the source's other files; return the lake manifest's version id.

    New files come before old ones go: a reader in between sees both, never neither. Repeating it is harmless.
    Raises LeaseLost. The fence is to be checked once more after it.
    """
    targets = place.targets(manifest)
    versions: list[str] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for some in batched(targets.items(), _COPIES_OF_ONE_LOOK, strict=False):
            fence.check()
            versions += threads.map(partial(_copy, place, fence), *zip(*some, strict=True))
    fence.hide(sorted({*undo.objects, *undo.touched} - {*targets.values(), place.lake_manifest}))
    objects = dict(zip(targets.values(), versions, strict=True))
    document = {**manifest.to_dict(), "source": place.source.to_dict(), "objects": objects}
    fence.check()
    return fence.made(place.lake_manifest, put_json(place.s3, place.lake_bucket, place.lake_manifest, document))


def _unfinished(place: PublishTarget, head: dict[str, Any]) -> UndoRecord:
    if not head.get("undo"):
        return UndoRecord()
    try:
        return UndoRecord.from_dict(get_json(place.s3, place.work_bucket, head["undo"]))
    except place.s3.exceptions.NoSuchKey:
        # Staged files expire weeks after the run; whatever it had touched was undone in its own time.
        logger.warning("undo record expired", undo=head["undo"])
        return UndoRecord()


def _promised(place: PublishTarget, version_id: str | None) -> tuple[dict[str, str], list[dict[str, str]]]:
    if not version_id:
        return {}, []
    document = get_json(place.s3, place.lake_bucket, place.lake_manifest, version_id=version_id)
    objects = {**document["objects"], place.lake_manifest: version_id}
    return objects, [partition["values"] for partition in document["partitions"]]


def _copy(place: PublishTarget, fence: Fence, staged: str, target: str) -> str:
    answer = place.s3.copy_object(
        Bucket=place.lake_bucket,
        Key=target,
        CopySource={"Bucket": place.work_bucket, "Key": staged},
        MetadataDirective="REPLACE",
        ContentType="application/vnd.apache.parquet",
        Metadata={"sluice-run": place.run_id, "sluice-source": place.source.id},
    )
    return fence.made(target, str(answer["VersionId"]))


def _distinct(partitions: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(values) for values in sorted({tuple(partition.items()) for partition in partitions})]
