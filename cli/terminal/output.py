"""Prints results: tables, counts and errors look the same in every command."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from cli.terminal.listing import Listing
from sluice.runtime.text import printable

if TYPE_CHECKING:
    from sluice.engines.polars_engine import Progress as Report
    from sluice.validate.report import ValidationReport

WIDTH = 150
"""Characters per line for a file or a pipe."""


class Terminal(Console):
    """A console that prints names and cells, which anybody may have written, as text without control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text, keep="\n"), style, control)


out = Terminal(width=None if sys.stdout.isatty() else WIDTH)
err = Terminal(stderr=True)

_COLOURS = {
    "PUBLISHED": "bold green",
    "SUCCEEDED": "bold green",
    "REJECTED": "bold red",
    "FAILED": "bold red",
    "TIMED_OUT": "bold red",
    "ABORTED": "bold red",
    "REPLACED": "dim",
    "SUPERSEDED": "dim",
}


def fail(message: str, code: int) -> NoReturn:
    """Print a message to standard error and exit with this code."""
    err.print("error", style="bold red", end=" ")
    err.print(message, highlight=False, soft_wrap=True)
    sys.exit(code)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


@contextmanager
def progress(what: str) -> Iterator["Report"]:
    """Show a running count of rows, on a terminal only."""
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
    """Show a spinner, on a terminal only."""
    if not err.is_terminal:
        yield
        return
    with err.status(what):
        yield


def facts(values: Mapping[str, object]) -> None:
    """Print names and values, one a line; a None is left out."""
    listed = Table(box=None, padding=(0, 2), show_header=False)
    listed.add_column(style="dim")
    listed.add_column(overflow="fold")
    for name, value in values.items():
        if value is not None:
            listed.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    out.print(listed, highlight=False)


def hint(*commands: str) -> None:
    """Print commands that may come next."""
    for command in commands:
        out.print(Text(f"  {command}", style="cyan"), soft_wrap=True)


def headline(word: str, style: str, rest: str, faint: str = "") -> None:
    """Print a result in one word, in a style, and what it is the result of."""
    out.print(Text.assemble((word, style), f"  {rest}  " if faint else f"  {rest}", (faint, "dim")), soft_wrap=True)


def status_text(what: str) -> Text:
    """Return a status of the ledger or of an execution in its colour."""
    return Text(what, style=_COLOURS.get(what, "yellow"))


def number(value: object) -> str:
    """Return a count with thousands separated; nothing for None."""
    return "" if value is None else f"{value:,}"


def plural(count: int, what: str) -> str:
    """Return a count with its noun, as `1 row` or `2 rows`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def rows(count: int) -> str:
    return plural(count, "row")


def account(rows: str, published: int, quarantined: int, discarded: int) -> str:
    """Return the account of rows in one line. rows: their count, as it is to be printed."""
    return f"{rows} = {published:,} published + {quarantined:,} quarantined + {discarded:,} discarded"


def usd(value: float | None) -> str:
    return "" if value is None else f"${value:.6f}" if value < 0.01 else f"${value:,.2f}"


def counts(of: Mapping[str, int]) -> str:
    """Return names with their counts on one line, the most frequent first."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(of.items(), key=lambda each: -each[1]))


def report_table(file: str, report: "ValidationReport") -> None:
    """Print a validation report: one line, the problems, then the reasons with their first examples."""
    colour = "green" if report.accepted else "red"
    headline(report.result, f"bold {colour}", printable(file), f"{report.dataset} v{report.contract_version}")
    for problem in report.problems:
        out.print("  ", end="")
        out.print(problem, highlight=False)
    for drift in report.drift:
        out.print(Text(f"  {drift.kind}, {drift.policy}: {drift.message}"), highlight=False)
    good = report.rows - report.would_quarantine - sum(report.discarded.values())
    out.print(
        f"  {report.rows:,} rows: {good:,} good, {report.would_quarantine:,} would be quarantined"
        + "".join(f", {count:,} {name}" for name, count in report.discarded.items()),
        highlight=False,
    )
    if report.reasons:
        reasons(
            (name, count, [(example.row_number, example.text) for example in report.examples.get(name, [])])
            for name, count in report.reasons.items()
        )


def reasons(found: Iterable[tuple[str, int, Iterable[tuple[int, str | None]]]]) -> None:
    """Print reasons with their counts of rows and their first examples, each a row number and a cell."""
    listed = Listing(("reason", "rows", "first examples"), right=("rows",), prose=("first examples",))
    for name, count, examples in found:
        listed.add_row(name, f"{count:,}", "\n".join(f"row {row}: {short(text)}" for row, text in examples))
    listed.print(out)


def short(text: str | None) -> str:
    """Return a cell for a table: quoted, at most 60 characters."""
    return quoted(text[:60] + ("…" if len(text) > 60 else "")) if text else "(empty)"


def quoted(text: str) -> str:
    """Return a cell in quotes, on one line."""
    return json.dumps(text, ensure_ascii=False)
