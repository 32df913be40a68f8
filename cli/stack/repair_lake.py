"""Repairs a difference that `sluice verify` has found, where that takes no row from readers that is promised."""

import json
from collections.abc import Callable
from contextlib import suppress

from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from sluice.maintain.copy_on_write import rewrite
from sluice.publish import partitions
from sluice.publish.lake import Catalog, Lake, read_manifest
from sluice.publish.remove import remove_replaced
from sluice.publish.verify import Difference, is_empty


def repair(stack: Stack, difference: Difference) -> None:
    """Repair one difference of a kind in REPAIRABLE. Repeating it is harmless."""
    _REPAIRS[difference.kind](stack, Lake(stack.client("s3"), stack.lake, rewrite), difference)


def _delete(_stack: Stack, lake: Lake, difference: Difference) -> None:
    """Nothing names it, and its run is dead; in the versioned bucket it gets a delete marker."""
    lake.s3.delete_object(Bucket=lake.bucket, Key=difference.subject)


def _remove_replaced(stack: Stack, lake: Lake, difference: Difference) -> None:
    bucket, _, key = difference.source.removeprefix("s3://").partition("/")
    remove_replaced(lake, _catalog(stack), stack.ledger, ObjectVersion(bucket, key, "", "", 0))


def _register(stack: Stack, lake: Lake, difference: Difference) -> None:
    account = read_manifest(lake, difference.detail).account
    ending = f"/published/{account.dataset}/"
    path = difference.subject.partition(ending)[2]
    missing = [partition for partition in account.partitions if partition.path == path]
    catalog = _catalog(stack)
    partitions.register(catalog.glue, catalog.database, account, missing)


def _drop(stack: Stack, lake: Lake, difference: Difference) -> None:
    """Drop a partition that is empty still, and register it again when a run has filled it meanwhile.

    A run registers a partition after its copies: it finds it dropped, or its objects are found here.
    """
    dataset, _, values = difference.detail.partition(" ")
    catalog = _catalog(stack)
    glue, table = catalog.glue, {"DatabaseName": catalog.database, "TableName": dataset}
    former = glue.get_partition(**table, PartitionValues=json.loads(values))["Partition"]
    if is_empty(lake.s3, lake.bucket, difference.subject):
        glue.delete_partition(**table, PartitionValues=former["Values"])
        if not is_empty(lake.s3, lake.bucket, difference.subject):
            again = {"Values": former["Values"], "StorageDescriptor": former["StorageDescriptor"]}
            with suppress(glue.exceptions.AlreadyExistsException):
                glue.create_partition(**table, PartitionInput=again)


def _catalog(stack: Stack) -> Catalog:
    return Catalog(stack.client("glue"), stack.output("DatabaseName"))


_REPAIRS: dict[str, Callable[[Stack, Lake, Difference], None]] = {
    "object_unreferenced": _delete,
    "manifest_unreferenced": _delete,
    "replaced_not_removed": _remove_replaced,
    "partition_missing": _register,
    "partition_empty": _drop,
}
