"""Registers the partitions of a manifest in the Glue catalog."""

from collections.abc import Sequence
from itertools import batched
from typing import Any

from sluice.manifest import Manifest, PartitionCount

_CREATED_A_CALL = 100


def register(glue: Any, database: str, manifest: Manifest, some: Sequence[PartitionCount] | None = None) -> int:
    """Register partitions of the manifest, by default all; return how many the catalog did not have.

    Raises OSError when Glue does not register one.
    """
    wanted = manifest.partitions if some is None else some
    if not manifest.partition_columns or not wanted:
        return 0
    table = {"DatabaseName": database, "TableName": manifest.dataset}
    storage = glue.get_table(DatabaseName=database, Name=manifest.dataset)["Table"]["StorageDescriptor"]
    folder = storage["Location"].rstrip("/")
    new = 0
    for each in batched(wanted, _CREATED_A_CALL, strict=False):
        inputs = [
            {
                "Values": _values(manifest, partition),
                "StorageDescriptor": {**storage, "Location": f"{folder}/{partition.path}/"},
            }
            for partition in each
        ]
        errors = glue.batch_create_partition(**table, PartitionInputList=inputs).get("Errors", [])
        new += len(inputs) - len(_raised(errors, allowed="AlreadyExistsException"))
    return new


def _values(manifest: Manifest, partition: PartitionCount) -> list[str]:
    return [partition.values[column["name"]] for column in manifest.partition_columns]


def _raised(errors: list[dict[str, Any]], *, allowed: str) -> list[dict[str, Any]]:
    """Return the errors. Raises OSError unless all have the allowed code."""
    for error in errors:
        if error["ErrorDetail"]["ErrorCode"] != allowed:
            raise OSError(f"partition {error['PartitionValues']}: {error['ErrorDetail']}")
    return errors
