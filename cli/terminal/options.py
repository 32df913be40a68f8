"""Options that several commands share."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

_FILE = typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or JSON Lines, plain, gzip or zstd.")
File = Annotated[Path, _FILE]
Files = Annotated[list[Path], _FILE]
Dataset = Annotated[str, typer.Option("--dataset", "-d", help="A dataset of functions/datasets.")]
OnlyDataset = Annotated[str | None, typer.Option("--dataset", "-d", help="Only this dataset.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Wait = Annotated[bool, typer.Option(help="Follow the files until each has a final status.")]
ParallelRuns = Annotated[int, typer.Option("--runs", min=1, max=50, help="Parallel runs.")]
Since = Annotated[str, typer.Option(help="How far back: 36h, 7d, 4w, or a date such as 2025-03-01.")]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(since: str) -> str:
    """Return the UTC time of a --since, as the ledger writes times. Raises typer.BadParameter."""
    try:
        # The ledger compares times as text: all of them are UTC.
        return instant(since).isoformat(timespec="milliseconds")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def instant(text: str) -> datetime:
    """Return the UTC time of a duration before now, or of a date or time, UTC unless it has an offset.

    Raises ValueError.
    """
    if text[:-1].isdigit() and text[-1:] in _UNITS:
        return datetime.now(UTC) - duration(text)
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a duration such as 36h, 7d or 4w nor a date") from None
    return (then if then.tzinfo else then.replace(tzinfo=UTC)).astimezone(UTC)


def duration(text: str) -> timedelta:
    """Return a length of time such as 36h, 7d or 4w. Raises ValueError."""
    if not (text[:-1].isdigit() and text[-1:] in _UNITS):
        raise ValueError(f"{text!r} is no duration such as 36h, 7d or 4w")
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
