"""Maintains Iceberg tables: expires snapshots, deletes the objects that nothing names any more."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import batched
from typing import Any

from sluice.maintain.promises import Promises
from sluice.publish.iceberg.expiry import expire, orphans
from sluice.publish.lake import Catalog, Lake, read_manifest

_KEYS_OF_ONE_DELETE = 1000


@dataclass(frozen=True)
class Cleanup:
    """snapshots: expired; objects: deleted."""

    snapshots: int
    objects: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def iceberg_tables(catalog: Catalog) -> Iterator[str]:
    """Yield the names of the database's Iceberg tables."""
    for page in catalog.glue.get_paginator("get_tables").paginate(DatabaseName=catalog.database):
        for table in page["TableList"]:
            if table.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG":
                yield table["Name"]


def clean_up(
    lake: Lake, catalog: Catalog, dataset: str, promised: Promises, *, snapshot_days: int, now: float
) -> Cleanup:
    """Expire a table's snapshots, then delete what no snapshot and no run names. Repeating it is harmless.

    promised: of the dataset, read before. now: seconds since 1970. Raises ManifestMissing, CommitConflict, OSError for
    what S3 did not delete, and RowsLost when the table has fewer rows than the ledger promises.
    """
    manifests = [read_manifest(lake, key) for key in promised.pending]
    runs = {manifest.account.run_id for manifest in manifests}
    pending = {key for manifest in manifests for key in manifest.published}
    expired = expire(lake, catalog, dataset, days=snapshot_days, runs=runs, now=now)
    deleted = 0
    keys = orphans(lake, catalog, dataset, pending=pending, rows=promised.rows, now=now)
    for some in batched(keys, _KEYS_OF_ONE_DELETE, strict=False):
        _delete(lake.s3, lake.bucket, some)
        deleted += len(some)
    return Cleanup(expired, deleted)


def _delete(s3: Any, bucket: str, keys: tuple[str, ...]) -> None:
    named = [{"Key": key} for key in keys]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
    if errors := answer.get("Errors"):
        raise OSError(f"S3 did not delete {len(errors)} objects, the first: {errors[0]}")
