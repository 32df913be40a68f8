"""`sluice cut`: writes the rows of an Iceberg table as of a time as training and test data."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from cli.stack.athena import require_local_group
from cli.stack.connection import Profile, Region, StackName, connect
from cli.terminal import output
from cli.terminal.options import AsJson, duration, instant

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def cut(
    name: Annotated[str, typer.Argument(help="Name of the cut: small letters, digits and hyphens.")],
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="A dataset with an Iceberg table.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Only rows that were published at this time.")] = None,
    train_until: Annotated[str | None, typer.Option(help="Training rows are before this time.")] = None,
    test_from: Annotated[str | None, typer.Option(help="Test rows are from this time on.")] = None,
    gap: Annotated[str, typer.Option(help="Least time from a training row to --test-from: 36h, 7d, 4w.")] = "0d",
    key: Annotated[str | None, typer.Option(metavar="COLUMN", help="No value of this column is in both parts.")] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The date or timestamp column, if there are several.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the cut, and the tag of its snapshot.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Write the rows known at a time as training and test data, in Parquet, with a manifest.

    Into s3://LAKE_BUCKET/cuts/NAME/. The table's snapshot gets the tag cut-NAME and never expires: the same command
    writes the same bytes again, whatever was corrected since. Rows that are in neither part are counted by reason.
    With --key, rows of the test are left out whose key has a training row. Times without an offset are UTC.

    Exit 0: written, or there already with the same bytes. 2: refused, wrong usage, or no stack.

    Example: sluice cut spring -d grocery --known-at 2026-07-01 --train-until 2026-05-01 --test-from 2026-05-01 --gap 7d
    """
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is not of small letters, digits and hyphens, 63 at most", param_hint="NAME")
    require_local_group()
    from cli.cuts import cut as cuts  # DuckDB and pyarrow are of the group, too

    if remove:
        where = connect(stack, profile, region)
        of = cuts.remove(where, name)
        result = {"removed": name, "dataset": of}
        output.print_json(result) if as_json else output.out.print(f"the cut {name} of {of} is removed")
        return
    asked: dict[str, Any] = {
        "train_until": _time("--train-until", train_until),
        "test_from": _time("--test-from", test_from),
        "gap": _duration(gap),
        "key": key,
        "time": time,
    }
    if asked["test_from"] < asked["train_until"]:
        raise typer.BadParameter("the test may not begin before training ends", param_hint="--test-from")
    if dataset is None:
        raise typer.BadParameter("say of which dataset", param_hint="--dataset")
    known = _time("--known-at", known_at)
    where = connect(stack, profile, region)
    with output.status("reading and writing"):
        made = cuts.make(where, name, dataset, known_at=known, asked=asked)
    if as_json:
        output.print_json({**made.manifest, "again": made.again})
    else:
        _print(made.manifest, again=made.again)


def _print(manifest: dict[str, Any], *, again: bool) -> None:
    rows = manifest["rows"]
    said = "THE SAME" if again else "WRITTEN"
    output.headline(said, "bold green", f"{manifest['name']} of {manifest['dataset']}, {rows['known']:,} rows known")
    left_out = sum(rows["left_out"].values())
    facts = {"snapshot": f"{manifest['snapshot_id']} of {manifest['committed_at']}, tag {manifest['tag']}"}
    for part in ("train", "test"):
        facts[part] = f"{rows[part]:,} rows in {manifest[part]['prefix']}"
    facts["left out"] = f"{left_out:,}" + (f": {output.counts(rows['left_out'])}" if left_out else "")
    output.facts(facts)


def _time(option: str, text: str | None) -> datetime:
    if text is None:
        raise typer.BadParameter("say a date or time, such as 2025-03-01 or 2025-03-01T12:00", param_hint=option)
    if not re.match(r"\d{4}-", text):  # a duration before now would be another time tomorrow
        raise typer.BadParameter(f"{text!r} is no date or time such as 2025-03-01T12:00", param_hint=option)
    try:
        return instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _duration(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--gap") from None
