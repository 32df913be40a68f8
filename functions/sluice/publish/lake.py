"""The lake: its bucket and its catalog, and the manifest of what one run publishes of one source."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from sluice.aws.object_keys import lake_key, lake_manifest_key, manifest_key, staging_prefix
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import created, get_json, put_json
from sluice.errors import ManifestMissing
from sluice.ledger.runs import Task
from sluice.manifest import Manifest


@dataclass(frozen=True)
class Written:
    """A Parquet file of a table. rows: by source; runs: the first and the last `_run_id`, in the order of text."""

    bytes: int
    rows: dict[str, int]
    runs: tuple[str, str]


class Rewrite(Protocol):
    """Writes the rows of a Parquet file, only those of some sources or all but theirs, to another key."""

    def __call__(
        self, s3: Any, bucket: str, key: str, to: str, *, only: Collection[str] = (), but: Collection[str] = ()
    ) -> Written | None:
        """Return what was written, None when no row is left: then nothing is."""


@dataclass(frozen=True)
class Lake:
    """s3: a client. rewrite: for those who may have to replace a file with rows of several sources."""

    s3: Any
    bucket: str
    rewrite: Rewrite | None = None


@dataclass(frozen=True)
class Catalog:
    """glue: a client. database: of the stack's tables."""

    glue: Any
    database: str


@dataclass(frozen=True)
class LakeObject:
    """An object of the table or of the quarantine; rows; bytes."""

    key: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class LakeManifest:
    """The account of a source with the objects that hold its rows. It is written once, before the first of them."""

    account: Manifest
    source: ObjectVersion
    objects: tuple[LakeObject, ...]

    @property
    def key(self) -> str:
        return lake_manifest_key(self.account.dataset, self.account.run_id, self.source)

    @property
    def published(self) -> list[str]:
        """The keys of the objects in the table."""
        return [each.key for each in self.objects if each.key.startswith("published/")]

    @property
    def in_iceberg(self) -> bool:
        """Whether readers see the objects of the table by a commit, and not as soon as they are there."""
        return self.account.table == "iceberg"

    def copies(self) -> dict[str, str]:
        """Lake key → key of the staged file."""
        prefix = staging_prefix(self.account.run_id, self.source)
        files = (*self.account.files, *self.account.quarantine_files)
        return {each.key: prefix + file.path for each, file in zip(self.objects, files, strict=True)}

    @classmethod
    def of(cls, account: Manifest, source: ObjectVersion) -> Self:
        """Raises ManifestRefused for a path that is no staged file of this run and source."""
        files = (*account.files, *account.quarantine_files)
        objects = [
            LakeObject(lake_key(account.dataset, account.run_id, source, file.path), file.rows, file.bytes)
            for file in files
        ]
        return cls(account, source, tuple(objects))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        account = {name: value for name, value in values.items() if name not in ("source", "objects")}
        objects = tuple(LakeObject(**each) for each in values["objects"])
        return cls(Manifest.from_dict(account), ObjectVersion.from_dict(values["source"]), objects)

    def to_dict(self) -> dict[str, Any]:
        objects = [asdict(each) for each in self.objects]
        return {**self.account.to_dict(), "source": self.source.to_dict(), "objects": objects}


def read_manifest(lake: Lake, key: str) -> LakeManifest:
    """Return a manifest that the ledger names. Raises ManifestMissing."""
    try:
        return LakeManifest.from_dict(get_json(lake.s3, lake.bucket, key))
    except lake.s3.exceptions.NoSuchKey as error:
        raise ManifestMissing(f"s3://{lake.bucket}/{key} is gone: restore its version") from error


def write_manifest(lake: Lake, task: Task, *, work_bucket: str) -> LakeManifest:
    """Write the manifest of what a run publishes, from its account in the work bucket; return what stands.

    What another invocation of this run has written stays: the objects may be there already.
    Raises ManifestRefused.
    """
    account = Manifest.from_dict(get_json(lake.s3, work_bucket, manifest_key(task.run_id, task.source)))
    manifest = LakeManifest.of(account, task.source)
    if created(lambda: put_json(lake.s3, lake.bucket, manifest.key, manifest.to_dict(), IfNoneMatch="*")):
        return manifest
    return read_manifest(lake, manifest.key)
