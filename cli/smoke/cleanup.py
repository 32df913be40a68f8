"""Removes what smoke tests leave: objects in the raw and the lake bucket, ledger items, partitions. Tables stay.

Only what belongs to the dataset of the smoke test is touched. Repeating it after an interruption completes it: the
raw objects, which name everything else, go last.
"""

import time
from itertools import batched
from typing import Any

from cli.smoke.samples import DATASET
from cli.smoke.steps import Unexpected
from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.executions import execution
from sluice.aws.dynamodb import Items
from sluice.aws.object_keys import quarantine_prefix, table_prefix

RAW_PREFIX = f"{DATASET}/"
_LAKE_PREFIXES = (table_prefix(DATASET), quarantine_prefix(DATASET), f"manifests/{DATASET}/")
_EPOCH = "1970-01-01"
_PARTITIONS_A_CALL = 25
_PAUSE = 0.5


def clean(stack: Stack, *, patience: float) -> str:
    """Remove everything and return what was removed; wait up to `patience` seconds for runs that are under way.

    Raises Unexpected.
    """
    items = Items(stack.client("dynamodb"), stack.ledger_table)
    raw = _versions(stack, stack.raw, RAW_PREFIX)
    entries = history.changed(stack, _EPOCH, dataset=DATASET)
    uris = {stack.uri(each["Key"]) for each in raw} | {entry["source"] for entry in entries}
    known = [item for uri in sorted(uris) for item in items.query("#source = :source", {"source": uri})]
    _wait(stack, {item["run_id"] for item in known if item.get("run_id")}, patience)
    lake = [each for prefix in _LAKE_PREFIXES for each in _versions(stack, stack.lake, prefix)]
    _delete(stack, stack.lake, lake)
    partitions = _delete_partitions(stack)
    for item in known:
        key = {"source": {"S": item["source"]}, "version": {"S": item["version"]}}
        stack.client("dynamodb").delete_item(TableName=stack.ledger_table, Key=key)
    _delete(stack, stack.raw, raw)
    removed = {"raw": len(raw), "lake": len(lake), "ledger": len(known), "partitions": partitions}
    return ", ".join(f"{name} {count}" for name, count in removed.items() if count) or "nothing"


def _wait(stack: Stack, run_ids: set[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while run_ids := {run_id for run_id in run_ids if execution(stack, run_id).get("status") == "RUNNING"}:
        if time.monotonic() > deadline:
            raise Unexpected(f"still running: {', '.join(sorted(run_ids))}", "repeat it when these runs have ended")
        time.sleep(_PAUSE)


def _versions(stack: Stack, bucket: str, prefix: str) -> list[dict[str, str]]:
    pages = stack.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for page in pages
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]


def _delete(stack: Stack, bucket: str, versions: list[dict[str, str]]) -> None:
    for some in batched(versions, 1000, strict=False):
        answer: dict[str, Any] = stack.client("s3").delete_objects(
            Bucket=bucket, Delete={"Objects": list(some), "Quiet": True}
        )
        if errors := answer.get("Errors"):
            first = f"{errors[0]['Key']}: {errors[0]['Code']}"
            raise Unexpected(f"{len(errors)} objects of {bucket} stay, {first}", "grant s3:DeleteObjectVersion, repeat")


def _delete_partitions(stack: Stack) -> int:
    glue, table = stack.client("glue"), {"DatabaseName": stack.output("DatabaseName"), "TableName": DATASET}
    try:
        pages = list(glue.get_paginator("get_partitions").paginate(**table))
    except glue.exceptions.EntityNotFoundException:  # nothing was published yet
        return 0
    found = [{"Values": each["Values"]} for page in pages for each in page["Partitions"]]
    for some in batched(found, _PARTITIONS_A_CALL, strict=False):
        errors = glue.batch_delete_partition(**table, PartitionsToDelete=list(some)).get("Errors", [])
        others = [e for e in errors if e["ErrorDetail"]["ErrorCode"] != "EntityNotFoundException"]
        if others:
            raise Unexpected(f"{len(others)} partitions stay: {others[0]['ErrorDetail']}", "repeat it")
    return len(found)
