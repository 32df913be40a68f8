"""How the demonstration looks: a live table on a terminal, a line for each change elsewhere."""

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
class Sighting:
    """Where an upload stands: the ledger's entry ({} before the gate saw it), and the state that its run is in."""

    entry: Entry = field(default_factory=dict)
    state: str = ""

    @property
    def status(self) -> str:
        return str(self.entry.get("status", "UPLOADED"))

    @property
    def ended(self) -> bool:
        return self.status in FINAL and not self.state


Seen = dict[Upload, Sighting]


class Board:
    """The way of some uploads, shown while they are on it."""

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

    def show(self, seen: Seen) -> None:
        if self._live:
            self._live.update(self._table(seen), refresh=True)
            return
        for upload, sighting in seen.items():
            if self._last.get(upload) != (now := way(sighting)):
                self._last[upload] = now
                console.print(f"  {_key(upload):<34} {now:<12} {account(sighting)}".rstrip(), soft_wrap=True)

    def _table(self, seen: Seen) -> Table:
        table = Table("file", "what is done to it", "where it is", "account", box=None, padding=(0, 2, 0, 0))
        for upload, planted in self._planned.items():
            sighting = seen.get(upload, Sighting())
            where = Text(way(sighting), style=COLOURS.get(sighting.status, "cyan"))
            table.add_row(_key(upload), planted.story, where, account(sighting))
        return table


def _key(upload: Upload) -> str:
    return upload.uri.removeprefix("s3://").partition("/")[2]


def way(sighting: Sighting) -> str:
    """The state that its run is in, while it is in one; else the ledger's status."""
    return sighting.state or sighting.status


def account(sighting: Sighting) -> str:
    """Rows by destiny, or why there are none."""
    entry = sighting.entry
    if sighting.status == "REJECTED":
        return ", ".join(entry.get("reasons", {}))
    if sighting.status == "FAILED":
        return f"{entry.get('error')}: {entry.get('cause')}"
    if sighting.status != "PUBLISHED":
        return ""
    discarded = [f"{int(rows):,} {name}" for name, rows in entry.get("discarded", {}).items() if rows]
    parts = [f"{int(entry['published']):,} published"]
    parts += [f"{int(entry['quarantined']):,} quarantined"] if entry["quarantined"] else []
    return f"{int(entry['rows']):,} rows = {' + '.join(parts + discarded)}"


def rows_table(title: str, rows: list[dict[str, Any]], form: Callable[[Any], str] = str) -> Table:
    """An answer of Athena as a table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(form(value) for value in row.values()))
    return table


def readable(value: Any) -> str:
    return f"{value:,}" if not isinstance(value, str) else value
