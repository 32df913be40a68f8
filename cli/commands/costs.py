"""`sluice costs`: estimates what cleaning has cost, by dataset and period."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from cli.stack import history
from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson, OnlyDataset, Since, moment
from sluice.contract import registry
from sluice.ledger.ledger import PUBLISHED

Period = Literal["day", "month"]
_LENGTH = {"day": 10, "month": 7}
_SUMS = ("files", "rows", "bytes_in", "bytes_out", "seconds", "cost_usd")


def costs(
    dataset: OnlyDataset = None,
    by: Annotated[Period, typer.Option(help="Period of a sum.")] = "day",
    since: Since = "30d",
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what cleaning has cost, in US dollars, from the cleaning seconds in the ledger.

    Cleaning in Lambda or Glue at the list price of us-east-1. Not included: the other functions, requests, storage,
    Athena, KMS, and crawls (one per new set of partitions of a Parquet table, billed ten minutes at least). For the
    bill itself use AWS Cost Explorer, by the tags of the stack.

    Exit 0: done. 2: unknown dataset, or no stack.

    Example: sluice costs --by month --since 52w
    """
    where = connect(stack, profile, region)
    found = summed(history.changed(where, moment(since), dataset=dataset, status=PUBLISHED), by)
    if dataset and not found:
        registry.load(dataset)  # raises UnknownDataset; a dataset without files is no error
    if as_json:
        output.print_json(found)
    else:
        _print(found, by)


def summed(entries: Sequence[Entry], by: Period) -> list[dict[str, Any]]:
    """Return the sums of published files by period, dataset and engine, oldest first."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in entries:
        key = (entry["published_at"][: _LENGTH[by]], entry["dataset"], entry["engine"])
        named = dict(zip(("period", "dataset", "engine"), key, strict=True))
        group = groups.setdefault(key, {**named, **dict.fromkeys(_SUMS, 0)})
        group["files"] += 1
        group["rows"] += entry["rows"]
        group["bytes_in"] += entry["bytes_in"]
        group["bytes_out"] += entry["bytes_out"]
        group["seconds"] = round(group["seconds"] + entry["cleaning_seconds"], 3)
        group["cost_usd"] = round(group["cost_usd"] + entry["cost_usd"], 7)
    return [groups[key] for key in sorted(groups)]


def _print(found: list[dict[str, Any]], by: str) -> None:
    if not found:
        output.out.print("nothing was published", style="dim")
        return
    numbers = ("files", "rows", "MB in", "MB out", "seconds", "cost", "a million rows")
    listed = Listing((by, "dataset", "engine", *numbers), right=numbers)
    for each in found:
        listed.add_row(each["period"], each["dataset"], each["engine"], *_cells(each))
    if len(found) > 1:
        total = {name: sum(each[name] for each in found) for name in _SUMS}
        listed.add_row("all", "", "", *(Text(cell, style="bold") for cell in _cells(total)))
    listed.print(output.out)


def _cells(sums: dict[str, Any]) -> tuple[str, ...]:
    million = sums["cost_usd"] / sums["rows"] * 1e6 if sums["rows"] else None
    return (
        output.number(sums["files"]),
        output.number(sums["rows"]),
        f"{sums['bytes_in'] / 1e6:,.1f}",
        f"{sums['bytes_out'] / 1e6:,.1f}",
        f"{sums['seconds']:,.1f}",
        output.usd(sums["cost_usd"]),
        output.usd(million),
    )
