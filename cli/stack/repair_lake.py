"""Repairs a difference that `sluice verify` has found, where that takes no row from readers that is promised."""

import json
from collections.abc import Callable

from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from sluice.publish import partitions
from sluice.publish.lake import Lake, read_manifest
from sluice.publish.remove import remove_replaced
from sluice.publish.verify import Difference


def repair(stack: Stack, difference: Difference) -> None:
    """Repair one difference of a kind in REPAIRABLE. Repeating it is harmless."""
    lake = Lake(stack.client("s3"), stack.client("glue"), stack.lake, stack.output("DatabaseName"))
    _REPAIRS[difference.kind](stack, lake, difference)


def _delete(_stack: Stack, lake: Lake, difference: Difference) -> None:
    """Nothing names it, and its run is dead; in the versioned bucket it gets a delete marker."""
    lake.s3.delete_object(Bucket=lake.bucket, Key=difference.subject)


def _remove_replaced(stack: Stack, lake: Lake, difference: Difference) -> None:
    bucket, _, key = difference.source.removeprefix("s3://").partition("/")
    remove_replaced(lake, stack.ledger, ObjectVersion(bucket, key, "", "", 0))


def _register(_stack: Stack, lake: Lake, difference: Difference) -> None:
    account = read_manifest(lake.s3, lake.bucket, difference.detail).account
    ending = f"/published/{account.dataset}/"
    path = difference.subject.partition(ending)[2]
    missing = [partition for partition in account.partitions if partition.path == path]
    partitions.register(lake.glue, lake.database, account, missing)


def _drop(_stack: Stack, lake: Lake, difference: Difference) -> None:
    table, _, values = difference.detail.partition(" ")
    lake.glue.delete_partition(DatabaseName=lake.database, TableName=table, PartitionValues=json.loads(values))


_REPAIRS: dict[str, Callable[[Stack, Lake, Difference], None]] = {
    "object_unreferenced": _delete,
    "manifest_unreferenced": _delete,
    "replaced_not_removed": _remove_replaced,
    "partition_missing": _register,
    "partition_empty": _drop,
}
