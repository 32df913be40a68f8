"""`sluice quarantine`: which rows wait to be mended and why, and the rows themselves as a CSV to mend."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cli.commands.query import chunks
from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.options import AsJson, Since, moment
from sluice.contract import registry
from sluice.ledger.ledger import PUBLISHED

if TYPE_CHECKING:
    from pandas import DataFrame

LINEAGE = ("_source_key", "_version", "_row_number", "_reasons", "_raw")
"""The columns of an export that say where a row is from and why it is here; the file's own columns follow."""

_BARS = " ▁▂▃▄▅▆▇█"


def quarantine(
    dataset: Annotated[str, typer.Argument(help="A dataset of functions/datasets.")],
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.", show_default=False)] = None,
    source: Annotated[str | None, typer.Option(help="Only rows of this key.", show_default=False)] = None,
    export: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the rows there, as CSV to be mended.", show_default=False)
    ] = None,
    since: Since = "30d",
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Tell why rows of a dataset are in quarantine, over time; with --export, write them as a CSV to be mended.

    What is told is counted by the ledger, of the files that are in the table now and came since --since.
    An export has every row of the quarantine table that the other options leave, whenever it came.

    Mend the cells of the export, leave the columns that begin with _ alone, delete the lines that you do not mend,
    and put it back: sluice replay FILE. A row that could not be split has empty cells and its text in _raw: mend
    that text, or fill in every cell. Cells of personal columns are masked (***); those left so keep their value.

    The cells are what anybody may have sent. One that begins with = + - or @ is a formula to a spreadsheet: import
    all columns as text, which also keeps leading zeros and dates as they are.

    Exit 0: done. 2: no such dataset, or nothing to work on.

    Example: sluice quarantine sales

    Example: sluice quarantine sales --reason channel_is_in_set --export mend.csv
    """
    registry.load(dataset)
    where = connect(stack, profile, region)
    if export:
        rows = _export(where, dataset, export, reason=reason, source=source)
        if as_json:
            output.print_json({"rows": rows, "export": str(export)})
        else:
            output.out.print(f"{output.rows(rows)} in {export}", highlight=False)
            output.hint(f"sluice replay {export}")
        return
    found = standing(where, history.changed(where, moment(since), dataset=dataset, status=PUBLISHED))
    if source:
        found = [entry for entry in found if entry["source"] == where.uri(source)]
    told = _reasons(found, reason)
    if as_json:
        output.print_json({"dataset": dataset, "days": _days(found), "reasons": told})
    else:
        _print(dataset, found, told)


def standing(stack: Stack, entries: Sequence[Entry]) -> list[Entry]:
    """Return those of the entries whose rows are in the tables now."""
    heads = history.heads(stack, {entry["source"] for entry in entries})
    return [e for e in entries if heads.get(e["source"], {}).get("published_version") == e["version"]]


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
    spoken = f"{days[0]} … {days[-1]}" if len(days) > 1 else days[0]
    listed = output.table("reason", "rows", "files", spoken, right=("rows", "files"))
    for each in reasons:
        line = _line([each["by_day"].get(day, 0) for day in days])
        listed.add_row(each["reason"], output.number(each["rows"]), output.number(each["files"]), Text(line))
    output.out.print(listed, highlight=False)
    output.hint(f"sluice quarantine {dataset} --export mend.csv")


def _line(values: list[int]) -> str:
    """Return a picture of the values, the highest at full height."""
    most = max(values)
    return "".join(_BARS[-(-value * (len(_BARS) - 1) // most)] for value in values)


def _export(stack: Stack, dataset: str, path: Path, *, reason: str | None, source: str | None) -> int:
    """Write the quarantined rows and return how many."""
    conditions, parameters = ["1 = 1"], []
    if reason:
        conditions.append("contains(_reasons, ?)")
        parameters.append(_literal(reason))
    if source:
        conditions.append("_source_key = ?")
        parameters.append(_literal(stack.uri(source)))
    sql = (
        f"SELECT *, array_join(_reasons, '; ') AS _told FROM \"{dataset}_quarantine\" "  # noqa: S608 (a dataset's name)
        f"WHERE {' AND '.join(conditions)} ORDER BY _source_key, _row_number"
    )
    total = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for rows in _with_versions(stack, chunks(stack, sql, parameters)):
            ordered = [*LINEAGE, *(name for name in rows.columns if name not in (*LINEAGE, "_told", "_run_id"))]
            rows.to_csv(file, columns=ordered, index=False, header=total == 0)
            total += len(rows)
    return total


def _with_versions(stack: Stack, parts: Iterable["DataFrame"]) -> Iterator["DataFrame"]:
    """Add to rows which version of the file they are of. Rows of an unfinished publication are left out."""
    for rows in parts:
        heads = history.heads(stack, set(rows["_source_key"]))
        known = {uri: (head.get("published_run"), head.get("published_version")) for uri, head in heads.items()}
        of = [known.get(uri, (None, None)) for uri in rows["_source_key"]]
        rows["_version"] = [version for _, version in of]
        rows["_reasons"] = rows["_told"]
        yield rows[[run == found for (run, _), found in zip(of, rows["_run_id"], strict=True)]]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
