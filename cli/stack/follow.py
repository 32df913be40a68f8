"""Follows uploaded files through the states of the ledger until each has a final status."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.executions import REPLACING, replacing, states_of
from cli.stack.history import FINAL, Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from sluice.ledger.ledger import CLEANING, FAILED, REJECTED

_PAUSE = 0.5
"""Seconds between two reads of the ledger."""


@dataclass(frozen=True)
class Upload:
    """One uploaded version, by its key in the ledger."""

    uri: str
    version_id: str


def follow(stack: Stack, uploads: Sequence[Upload], *, quiet: bool) -> list[Entry]:
    """Wait until every upload has a final status, and its run has removed what it replaces; return their entries.

    quiet: show no states meanwhile.
    """
    watch = _Watch(stack, uploads)
    live: AbstractContextManager[Any] = nullcontext()
    if output.err.is_terminal and not quiet:
        live = Live(console=output.err, transient=True, refresh_per_second=8, get_renderable=watch.table)
    with live:
        while not watch.poll():
            if not quiet and not output.err.is_terminal:
                watch.print_changes()
            time.sleep(_PAUSE)
    return watch.entries()


def finish(stack: Stack, uploads: Sequence[Upload], *, as_json: bool) -> int:
    """Follow uploads to their end and print what became of them; return 1 if one was rejected or failed, else 0.

    Raises typer.Exit when the user interrupts; the runs go on.
    """
    try:
        entries = follow(stack, uploads, quiet=as_json)
    except KeyboardInterrupt:
        output.err.print("no longer followed; the runs go on: sluice show", stack.key(uploads[0].uri), soft_wrap=True)
        raise typer.Exit(130) from None
    if as_json:
        output.print_json(entries)
    else:
        print_outcome(stack, entries)
    return 1 if any(entry["status"] in (REJECTED, FAILED) for entry in entries) else 0


class _Watch:
    def __init__(self, stack: Stack, uploads: Sequence[Upload]) -> None:
        self._stack = stack
        self._uploads = uploads
        self._known: dict[tuple[str, str], Entry] = {}
        self._states: dict[str, str] = {}
        self._replacing: set[str] = set()
        self._printed: dict[str, str] = {}
        self._started = time.monotonic()

    def poll(self) -> bool:
        """Read the ledger again; return whether every upload has a final status, and none is being replaced."""
        undecided = [(each.uri, each.version_id) for each in self._uploads if not self._is_final(each)]
        self._known |= history.entries(self._stack, undecided)
        run_ids = {entry["run_id"] for entry in self._known.values() if entry["status"] == CLEANING}
        self._states = states_of(self._stack, run_ids)
        if not all(self._is_final(each) for each in self._uploads):
            return False
        self._replacing = replacing(self._stack, (each.uri for each in self._uploads))
        return not self._replacing

    def entries(self) -> list[Entry]:
        return [self._known[each.uri, each.version_id] for each in self._uploads]

    def print_changes(self) -> None:
        """Print a line for each upload whose state has changed."""
        for each in self._uploads:
            state = self._state(each)
            if self._printed.get(each.uri) != state:
                self._printed[each.uri] = state
                output.err.print(f"{self._stack.key(each.uri)}: {state}", highlight=False, soft_wrap=True)

    def table(self) -> Table:
        shown = Listing(("file", "state", "rows", "seconds"), right=("rows", "seconds"))
        for each in self._uploads[:20]:
            entry = self._known.get((each.uri, each.version_id), {})
            seconds = f"{time.monotonic() - self._started:.0f}" if not self._is_final(each) else ""
            state = output.status_text(self._state(each))
            shown.add_row(Text(self._stack.key(each.uri)), state, output.number(entry.get("rows")), seconds)
        if len(self._uploads) > 20:
            shown.add_row(f"and {len(self._uploads) - 20} more", "", "", "")
        return shown.table()

    def _is_final(self, upload: Upload) -> bool:
        return self._known.get((upload.uri, upload.version_id), {}).get("status") in FINAL

    def _state(self, upload: Upload) -> str:
        entry = self._known.get((upload.uri, upload.version_id))
        if entry is None:
            return "UPLOADED"
        if upload.uri in self._replacing:
            return f"{entry['status']}, {REPLACING}"
        return self._states.get(entry.get("run_id", ""), "") or str(entry["status"])


def print_outcome(stack: Stack, entries: Sequence[Entry]) -> None:
    """Print the status and account of each file, and why it failed or has rows in quarantine."""
    shown = Listing(("file", "status", "rows", "published", "quarantined", "discarded", "run"), right=_NUMBERS)
    for entry in entries:
        discarded = sum(entry["discarded"].values()) if "discarded" in entry else None
        shown.add_row(
            Text(stack.key(entry["source"])),
            output.status_text(entry["status"]),
            output.number(entry.get("rows")),
            output.number(entry.get("published")),
            output.number(entry.get("quarantined")),
            output.number(discarded),
            Text(entry.get("run_id", ""), style="dim"),
        )
    shown.print(output.out)
    for entry in entries:
        _print_why(entry)


_NUMBERS = ("rows", "published", "quarantined", "discarded")


def _print_why(entry: Entry) -> None:
    lines = history.why(entry)
    if entry.get("quarantined") and entry.get("reasons"):
        lines.append(f"quarantined: {output.counts(entry['reasons'])}")
    for line in lines:
        output.out.print(Text(f"  {line}"), soft_wrap=True)
