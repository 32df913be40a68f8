"""Prints the progress of the demonstration: a live table on a terminal, a line per change elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.stack.follow import Upload
from cli.stack.history import FINAL, Entry
from samples.planted_damage import Planted

console = Console(highlight=False)
COLOURS = {"PUBLISHED": "green", "REJECTED": "red", "FAILED": "bold red", "SUPERSEDED": "yellow"}


@dataclass(frozen=True)
class Progress:
    """Progress of an upload: its ledger entry ({} before its validation), and the current state of its run."""

    entry: Entry = field(default_factory=dict)
    state: str = ""

    @property
    def status(self) -> str:
        return str(self.entry.get("status", "UPLOADED"))

    @property
    def ended(self) -> bool:
        return self.status in FINAL and not self.state


Progresses = dict[Upload, Progress]


class ProgressTable:
    """Shows the progress of uploads until they have ended."""

    def __init__(self, planned: dict[Upload, Planted]) -> None:
        self._planned = planned
        self._last: dict[Upload, str] = {}
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, found: Progresses) -> None:
        if self._live:
            self._live.update(self._table(found), refresh=True)
            return
        for upload, progress in found.items():
            if self._last.get(upload) != (now := state_of(progress)):
                self._last[upload] = now
                console.print(f"  {_key(upload):<34} {now:<14} {account(progress)}".rstrip(), soft_wrap=True)

    def _table(self, found: Progresses) -> Table:
        table = Table("file", "damage", "state", "account", box=None, padding=(0, 2, 0, 0))
        for upload, planted in self._planned.items():
            progress = found.get(upload, Progress())
            state = Text(state_of(progress), style=COLOURS.get(progress.status, "cyan"))
            table.add_row(_key(upload), planted.story, state, account(progress))
        return table


def _key(upload: Upload) -> str:
    return upload.uri.removeprefix("s3://").partition("/")[2]


def state_of(progress: Progress) -> str:
    """Return the current state of its run, else its status in the ledger."""
    return progress.state or progress.status


def account(progress: Progress) -> str:
    """Return its rows by outcome, or why it has none."""
    entry = progress.entry
    if progress.status == "REJECTED":
        return ", ".join(entry.get("reasons", {}))
    if progress.status == "FAILED":
        return f"{entry.get('error')}: {entry.get('cause')}"
    if progress.status != "PUBLISHED":
        return ""
    discarded = [f"{int(rows):,} {name}" for name, rows in entry.get("discarded", {}).items() if rows]
    parts = [f"{int(entry['published']):,} published"]
    parts += [f"{int(entry['quarantined']):,} quarantined"] if entry["quarantined"] else []
    return f"{int(entry['rows']):,} rows = {' + '.join(parts + discarded)}"


def rows_table(title: str, rows: list[dict[str, Any]], shown: Callable[[Any], str] = str) -> Table:
    """Return rows of a query as a table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    return table


def readable(value: Any) -> str:
    return f"{value:,}" if not isinstance(value, str) else value
