"""Queries the ledger: the versions of a file, the files of a run, what changed since a time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cli.stack.connection import Stack
from sluice.aws.dynamodb import Items
from sluice.ledger.ledger import CLEANING, FAILED, HEAD, PUBLISHED, RECEIVED, REJECTED, SUPERSEDED

STATUSES = (RECEIVED, CLEANING, PUBLISHED, REJECTED, FAILED, SUPERSEDED)
FINAL = (PUBLISHED, REJECTED, FAILED, SUPERSEDED)

Entry = dict[str, Any]


def versions(stack: Stack, uri: str) -> list[Entry]:
    """Return the entries of every version of a key, latest first."""
    found = _items(stack).query("#source = :source", {"source": uri}, ConsistentRead=True)
    entries = (entry for entry in found if entry["version"] != HEAD)
    return sorted(entries, key=lambda entry: entry["received_at"], reverse=True)


def of_run(stack: Stack, run_id: str) -> list[Entry]:
    """Return the entries of the sources whose latest run this is, by their addresses."""
    found = _items(stack).query("#run_id = :run_id", {"run_id": run_id}, IndexName="by_run")
    return sorted(found, key=lambda entry: str(entry["source"]))


def changed(stack: Stack, since: str, *, dataset: str | None = None, status: str | None = None) -> list[Entry]:
    """Return the entries that changed since a time, latest first."""
    if dataset:
        found = list(_since(stack, "dataset", dataset, since))
    else:
        wanted = [status] if status else STATUSES
        found = [entry for each in wanted for entry in _since(stack, "status", each, since)]
    # An entry that changes its status between two of these queries is found twice: the latest counts.
    latest = {(e["source"], e["version"]): e for e in sorted(found, key=lambda entry: entry["updated_at"])}
    chosen = [entry for entry in latest.values() if status in (None, entry["status"])]
    return sorted(chosen, key=lambda entry: entry["updated_at"], reverse=True)


def entries(stack: Stack, versions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    """Return the entries of (uri, version id) pairs, as they are now; unknown ones are left out."""
    keys = ({"source": uri, "version": version} for uri, version in sorted(set(versions)))
    return {(item["source"], item["version"]): item for item in _items(stack).get_all(keys)}


def heads(stack: Stack, uris: Iterable[str]) -> dict[str, Entry]:
    """Return the head items of keys, by address."""
    return {uri: entry for (uri, _), entry in entries(stack, ((uri, HEAD) for uri in uris)).items()}


def published_now(stack: Stack, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries whose rows are in the tables now."""
    latest = heads(stack, {entry["source"] for entry in entries})
    return [e for e in entries if latest.get(e["source"], {}).get("published_version") == e["version"]]


def replaced(stack: Stack, entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """Return the (uri, version id) of the published entries whose rows a later version of their file has replaced."""
    published = [entry for entry in entries if entry["status"] == PUBLISHED]
    current = {(entry["source"], entry["version"]) for entry in published_now(stack, published)}
    return {(entry["source"], entry["version"]) for entry in published} - current


def why(entry: Entry) -> list[str]:
    """Return why a file was rejected, one problem a text, or why it failed; nothing of another status."""
    if entry["status"] == FAILED:
        return [f"{entry.get('error')}: {entry.get('cause')}"]
    return list(entry.get("problems", [])) if entry["status"] == REJECTED else []


def _items(stack: Stack) -> Items:
    return Items(stack.client("dynamodb"), stack.ledger_table)


def _since(stack: Stack, attribute: str, value: str, since: str) -> Iterator[Entry]:
    condition = f"#{attribute} = :value AND #updated_at >= :since"
    return _items(stack).query(condition, {"value": value, "since": since}, IndexName=f"by_{attribute}")
