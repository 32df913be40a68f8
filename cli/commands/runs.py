"""`sluice runs`: lists the latest runs and rejected files."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.history import STATUSES, Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, OnlyDataset, Since, moment
from sluice.contract import registry
from sluice.ledger.ledger import CLEANING, FAILED, PUBLISHED, RECEIVED, REJECTED, SUPERSEDED

REPLACED = "REPLACED"
"""Shown in place of PUBLISHED when newer versions have replaced all files of a run."""
_WORST = (FAILED, REJECTED, CLEANING, RECEIVED, PUBLISHED, REPLACED, SUPERSEDED)


def runs(
    dataset: OnlyDataset = None,
    status: Annotated[str | None, typer.Option(help=f"Only files with this status: {', '.join(STATUSES)}.")] = None,
    since: Since = "7d",
    limit: Annotated[int, typer.Option(min=1, help="Runs to show, the latest first.")] = 30,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """List the runs and the rejected files, the latest first.

    A run of several files has the status of its worst one. A rejected file is in no run. The columns published,
    quarantined and discarded count what is in the tables now: their sums are what a query counts. Rows of a version
    that a newer one replaced are in the column replaced.

    Exit 0: listed, or nothing to list. 2: unknown dataset, or no stack.

    Example: sluice runs --status FAILED --since 24h

    Example: sluice runs --dataset sales --json
    """
    wanted = status.upper() if status else None
    if wanted and wanted not in STATUSES:
        raise typer.BadParameter(f"{status!r} is none of {', '.join(STATUSES)}", param_hint="--status")
    where = connect(stack, profile, region)
    entries = history.changed(where, moment(since), dataset=dataset, status=wanted)
    found = grouped(entries, history.replaced(where, entries))
    if dataset and not found:
        registry.load(dataset)  # raises UnknownDataset; a dataset without files is no error
    if as_json:
        output.print_json(found[:limit])
        return
    _print(where, found[:limit], moment(since))
    if len(found) > limit:
        output.out.print(f"and {len(found) - limit:,} more: --limit {len(found)}", style="dim")


def grouped(entries: Sequence[Entry], replaced: Collection[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    """Return the runs of entries (latest first) with the sums of their files, and the files without a run.

    replaced: (uri, version id) of published versions that are not in the table any more: their rows are `replaced`.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_group(entry), []).append(entry)
    return [_summed(group, replaced) for group in groups.values()]


def _group(entry: Entry) -> str:
    """Return the group of an entry: its run, the files that wait for a batch, or itself."""
    if entry.get("run_id"):
        return str(entry["run_id"])
    waiting = entry["status"] == RECEIVED and "rows" in entry
    return f"waiting {entry['dataset']}" if waiting else f"{entry['source']}@{entry['version']}"


def _summed(group: list[Entry], replaced: Collection[tuple[str, str]]) -> dict[str, Any]:
    first = group[0]
    gone = [entry for entry in group if (entry["source"], entry["version"]) in replaced]
    current = [entry for entry in group if entry not in gone]
    decided = any("published" in entry for entry in group)
    statuses = [*(entry["status"] for entry in current), *(REPLACED for _ in gone)]
    return {
        "run_id": first.get("run_id"),
        "dataset": first["dataset"],
        "status": min(statuses, key=_WORST.index),
        "files": len(group),
        "sources": [entry["source"] for entry in group],
        "rows": sum(entry.get("rows", 0) for entry in group),
        "published": sum(entry.get("published", 0) for entry in current) if decided else None,
        "quarantined": sum(entry.get("quarantined", 0) for entry in current) if decided else None,
        "discarded": sum(sum(entry.get("discarded", {}).values()) for entry in current if "published" in entry)
        if decided
        else None,
        "replaced": sum(entry.get("rows", 0) for entry in gone),
        "why": list(dict.fromkeys(reason for entry in group for reason in history.why(entry))),
        "received_at": min(entry["received_at"] for entry in group),
        "updated_at": max(entry["updated_at"] for entry in group),
        "seconds": _seconds(group),
        "cost_usd": sum(entry.get("cost_usd", 0) for entry in group),
    }


def _seconds(group: list[Entry]) -> float | None:
    """Return the seconds from the first upload to the last final status, None while a file has none."""
    ends = [entry.get("published_at") or entry.get("failed_at") for entry in group]
    known = [end for end in ends if end]
    if len(known) < len(group):
        return None
    began = min(datetime.fromisoformat(entry["received_at"]) for entry in group)
    return round((max(datetime.fromisoformat(end) for end in known) - began).total_seconds(), 1)


_NUMBERS = ("rows", "published", "quarantined", "discarded", "replaced", "seconds")


def _print(stack: Stack, found: list[dict[str, Any]], since: str) -> None:
    if not found:
        output.out.print(f"nothing since {since[:16].replace('T', ' ')} UTC", style="dim")
        return
    numbers = tuple(name for name in _NUMBERS if name != "replaced" or any(run["replaced"] for run in found))
    reasons = ("why",) if any(run["why"] for run in found) else ()
    columns = ("received", "status", "dataset", "file", *numbers, "run", *reasons)
    listed = Listing(columns, right=numbers, prose=reasons)
    for run in found:
        one = stack.key(run["sources"][0])
        listed.add_row(
            run["received_at"][:19].replace("T", " "),
            output.status_text(run["status"]),
            run["dataset"],
            Text(one if run["files"] == 1 else f"{run['files']} files"),
            *(output.number(run[name]) for name in numbers),
            Text(run["run_id"] or "", style="dim"),
            *(" ".join(run["why"]) for _ in reasons),
        )
    listed.print(output.out)
