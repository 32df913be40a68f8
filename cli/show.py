"""How results look on a terminal: one look for every command."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sluice.engine import Progress as Report
from sluice.verdict import Verdict

out = Console()
err = Console(stderr=True)


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, on standard error, and leave with this exit code."""
    err.print("[bold red]error[/]", end=" ")
    err.print(message, markup=False, highlight=False)
    sys.exit(code)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show a running count of rows on a terminal; say nothing elsewhere."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} rows"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda rows: bar.update(task, completed=rows)


@contextmanager
def status(what: str) -> Iterator[None]:
    """Show that something goes on, on a terminal; say nothing elsewhere."""
    if not err.is_terminal:
        yield
        return
    with err.status(what):
        yield


def verdict_table(file: str, verdict: Verdict) -> None:
    """Print a verdict: one line, the problems, then the reasons with their first examples."""
    colour = "green" if verdict.accepted else "red"
    out.print(
        f"[bold {colour}]{verdict.verdict}[/]  {file}  [dim]{verdict.dataset} v{verdict.contract_version}[/]",
        highlight=False,
    )
    for problem in verdict.problems:
        out.print("  ", end="")
        out.print(problem, markup=False, highlight=False)
    good = verdict.rows - verdict.would_quarantine - sum(verdict.discarded.values())
    out.print(
        f"  {verdict.rows:,} rows: {good:,} good, {verdict.would_quarantine:,} would be quarantined"
        + "".join(f", {count:,} {name}" for name, count in verdict.discarded.items()),
        highlight=False,
    )
    if verdict.reasons:
        out.print(_reasons(verdict))


def _reasons(verdict: Verdict) -> Table:
    table = Table("reason", "rows", "first examples", box=None, padding=(0, 2), header_style="dim")
    table.columns[1].justify = "right"
    for reason, count in verdict.reasons.items():
        shown = (f"row {example.row_number}: {_short(example.text)}" for example in verdict.examples.get(reason, []))
        table.add_row(reason, f"{count:,}", "\n".join(shown))
    return table


def _short(text: str | None) -> str:
    if text is None or text == "":
        return "(empty)"
    return json.dumps(text[:60] + ("…" if len(text) > 60 else ""), ensure_ascii=False)
