"""`sluice quarantine`: counts the rows in quarantine by reason, and exports them as a CSV to correct."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.repair.export import export_rows
from cli.stack import history
from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, Since, moment
from sluice.contract import registry
from sluice.ledger.ledger import PUBLISHED

_BARS = " ▁▂▃▄▅▆▇█"


def quarantine(
    dataset: Annotated[str, typer.Argument(help="A dataset of functions/datasets.")],
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="Only rows of this key.")] = None,
    export: Annotated[Path | None, typer.Option(dir_okay=False, help="CSV file to write the rows to.")] = None,
    since: Since = "30d",
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Count the quarantined rows of a dataset by reason and day; with --export, write the rows as a CSV to correct.

    The counts are the ledger's, of the published files that arrived since --since. An export has every row of the
    quarantine table that matches the other options, however old.

    Correct the cells of the export, do not change the columns that begin with _, delete the lines that you do not
    correct, and publish it: sluice replay FILE. A row that could not be split has empty cells and its text in _raw:
    correct that text, or fill in every cell. Cells of personal columns are masked (***); a masked cell keeps its value.

    A cell that a spreadsheet would run as a formula has an apostrophe before it, which replay takes off again. Import
    all columns as text, which keeps leading zeros and dates. UTF-8, UTF-16 and cp1252 are read, with , ; or tabs.

    Exit 0: done. 2: unknown dataset, or no stack.

    Example: sluice quarantine sales

    Example: sluice quarantine sales --reason channel_is_in_set --export rows.csv
    """
    registry.load(dataset)
    where = connect(stack, profile, region)
    if export:
        rows = export_rows(where, dataset, export, reason=reason, source=source)
        if not rows:
            output.fail(f"no quarantined row matches: {export} is not written. See sluice quarantine {dataset}", code=2)
        if as_json:
            output.print_json({"rows": rows, "export": str(export)})
        else:
            output.out.print(f"{output.rows(rows)} in {export}", highlight=False)
            output.hint(f"sluice replay {export}")
        return
    found = history.published_now(where, history.changed(where, moment(since), dataset=dataset, status=PUBLISHED))
    if source:
        found = [entry for entry in found if entry["source"] == where.uri(source)]
    reasons = _reasons(found, reason)
    if as_json:
        output.print_json({"dataset": dataset, "days": _days(found), "reasons": reasons})
    else:
        _print(dataset, found, reasons)


def _days(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    days: dict[str, dict[str, Any]] = {}
    for entry in entries:
        day = entry["received_at"][:10]
        of = days.setdefault(day, {"day": day, "files": 0, "rows": 0, "quarantined": 0})
        of["files"] += 1
        of["rows"] += entry["rows"]
        of["quarantined"] += entry["quarantined"]
    return [days[day] for day in sorted(days)]


def _reasons(entries: Sequence[Entry], only: str | None) -> list[dict[str, Any]]:
    by_day: dict[str, Counter[str]] = {}
    files: Counter[str] = Counter()
    for entry in entries:
        for name, rows in entry["reasons"].items():
            if only in (None, name):
                by_day.setdefault(name, Counter())[entry["received_at"][:10]] += rows
                files[name] += 1
    return [
        {"reason": name, "rows": days.total(), "files": files[name], "by_day": dict(sorted(days.items()))}
        for name, days in sorted(by_day.items(), key=lambda each: -each[1].total())
    ]


def _print(dataset: str, entries: Sequence[Entry], reasons: list[dict[str, Any]]) -> None:
    rows, bad = sum(entry["rows"] for entry in entries), sum(entry["quarantined"] for entry in entries)
    share = f"{bad / rows:.2%}" if rows else "nothing"
    output.headline(dataset, "bold", f"{bad:,} of {rows:,} rows in quarantine ({share})")
    if not reasons:
        return
    days = sorted({day for each in reasons for day in each["by_day"]})
    period = f"{days[0]} … {days[-1]}" if len(days) > 1 else days[0]
    listed = Listing(("reason", "rows", "files", period), right=("rows", "files"))
    for each in reasons:
        line = _sparkline([each["by_day"].get(day, 0) for day in days])
        listed.add_row(each["reason"], output.number(each["rows"]), output.number(each["files"]), Text(line))
    listed.print(output.out)
    output.hint(f"sluice quarantine {dataset} --export rows.csv")


def _sparkline(values: list[int]) -> str:
    """Return the values as bars of text, the highest at full height."""
    most = max(values)
    return "".join(_BARS[-(-value * (len(_BARS) - 1) // most)] for value in values)
