"""The partitions of tables in the Glue catalog: those of a manifest are registered, all follow the table's columns."""

from collections.abc import Sequence
from itertools import batched
from typing import Any

from sluice.manifest import Manifest, PartitionCount

_A_CALL = 100
"""What one BatchCreatePartition or BatchUpdatePartition takes."""


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
    for each in batched(wanted, _A_CALL, strict=False):
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


def align(glue: Any, database: str, table: str, columns: list[dict[str, str]]) -> int:
    """Give the registered partitions a table's columns ([{Name, Type}]); return how many had others.

    A partition has columns of its own, which do not follow the table's: Athena casts a type that differs, or the query
    fails with HIVE_PARTITION_SCHEMA_MISMATCH.
    https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html
    Raises OSError when Glue does not change one that is there.
    """
    of_table = {"DatabaseName": database, "TableName": table}
    wanted = [(each["Name"], each["Type"]) for each in columns]
    pages = glue.get_paginator("get_partitions").paginate(**of_table)
    outdated = [
        {
            "PartitionValueList": partition["Values"],
            "PartitionInput": {
                "Values": partition["Values"],
                "StorageDescriptor": {**partition["StorageDescriptor"], "Columns": columns},
                "Parameters": partition.get("Parameters", {}),
            },
        }
        for page in pages
        for partition in page["Partitions"]
        if [(each["Name"], each["Type"]) for each in partition["StorageDescriptor"].get("Columns", [])] != wanted
    ]
    for some in batched(outdated, _A_CALL, strict=False):
        errors = glue.batch_update_partition(**of_table, Entries=list(some)).get("Errors", [])
        _raised(
            [{"PartitionValues": error["PartitionValueList"], **error} for error in errors],
            allowed="EntityNotFoundException",
        )
    return len(outdated)


def _values(manifest: Manifest, partition: PartitionCount) -> list[str]:
    return [partition.values[column["name"]] for column in manifest.partition_columns]


def _raised(errors: list[dict[str, Any]], *, allowed: str) -> list[dict[str, Any]]:
    """Return the errors. Raises OSError unless all have the allowed code."""
    for error in errors:
        if error["ErrorDetail"]["ErrorCode"] != allowed:
            raise OSError(f"partition {error['PartitionValues']}: {error['ErrorDetail']}")
    return errors
