"""Reads the ledger for people: which files came, what became of them, in which runs."""

from collections.abc import Iterable, Iterator
from typing import Any

from boto3.dynamodb.conditions import Key

from cli.stack import Stack
from sluice.items import Items, plain
from sluice.ledger import CLEANING, FAILED, HEAD, PUBLISHED, RECEIVED, REJECTED, SUPERSEDED

STATUSES = (RECEIVED, CLEANING, PUBLISHED, REJECTED, FAILED, SUPERSEDED)
FINAL = (PUBLISHED, REJECTED, FAILED, SUPERSEDED)

Entry = dict[str, Any]


def versions(stack: Stack, uri: str) -> list[Entry]:
    """Return the entries of every version of a key, newest first."""
    found = [entry for entry in _query(stack, None, Key("source").eq(uri)) if entry["version"] != HEAD]
    return sorted(found, key=lambda entry: entry["received_at"], reverse=True)


def of_run(stack: Stack, run_id: str) -> list[Entry]:
    """Return the entries of the sources whose latest run this is."""
    return list(_query(stack, "by_run", Key("run_id").eq(run_id)))


def changed(stack: Stack, since: str, *, dataset: str | None = None, status: str | None = None) -> list[Entry]:
    """Return the entries that changed since a time, newest first."""
    if dataset:
        found = list(_query(stack, "by_dataset", Key("dataset").eq(dataset) & Key("updated_at").gte(since)))
    else:
        wanted = [status] if status else STATUSES
        found = [
            entry
            for each in wanted
            for entry in _query(stack, "by_status", Key("status").eq(each) & Key("updated_at").gte(since))
        ]
    # What changes its status while the statuses are asked one after the other comes twice: the newer one counts.
    latest = {(e["source"], e["version"]): e for e in sorted(found, key=lambda entry: entry["updated_at"])}
    chosen = [entry for entry in latest.values() if status in (None, entry["status"])]
    return sorted(chosen, key=lambda entry: entry["updated_at"], reverse=True)


def entries(stack: Stack, versions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    """Return the entries of (uri, version id) pairs, as they are now; unknown ones are left out."""
    keys = ({"source": uri, "version": version} for uri, version in sorted(set(versions)))
    items = Items(stack.dynamodb, stack.ledger_table).get_all(keys)
    return {(item["source"], item["version"]): plain(item) for item in items}


def heads(stack: Stack, uris: Iterable[str]) -> dict[str, Entry]:
    """Return the items of keys as a whole, by address."""
    return {uri: entry for (uri, _), entry in entries(stack, ((uri, HEAD) for uri in uris)).items()}


def _query(stack: Stack, index: str | None, condition: Any) -> Iterator[Entry]:
    where = {"IndexName": index} if index else {"ConsistentRead": True}
    pages = stack.dynamodb.get_paginator("query").paginate(
        TableName=stack.ledger_table, KeyConditionExpression=condition, **where
    )
    for page in pages:
        yield from (plain(item) for item in page["Items"])
