"""`sluice compact`: merges the small files of an Iceberg table."""

import time
from typing import Annotated

import typer

from cli.stack.connection import Profile, Region, StackName, connect
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.maintain.merge import merge
from sluice.publish.iceberg.compaction import Compaction
from sluice.publish.iceberg.compaction import compact as compactions
from sluice.publish.lake import Catalog, Lake


def compact(
    dataset: Annotated[str, typer.Argument(help="A dataset with table iceberg.")],
    partition: Annotated[
        str | None, typer.Option("--partition", help="Only this partition, as its folder: sale_month=2017-03.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Merge the small files of partitions to which nothing was added for a day, five or more in each.

    The plan comes first. Rows stay as they are: each source has as many before and after, or nothing is committed, and
    readers see either the former files or the new ones. Runs go on meanwhile: when one changes a file that is being
    merged, the run's commit stands, and the partition waits for the next time. A function does the same every day,
    as far as it comes in 15 minutes (parameter MaintainSchedule). The former files are deleted when no snapshot
    names them any more (SnapshotDays).

    Exit 0: compacted, or nothing to do. 1: another commit came between. 2: no stack, or no Iceberg table.

    Example: sluice compact grocery --partition sale_month=2017-03 --dry-run
    """
    where = connect(stack, profile, region)
    lake = Lake(where.client("s3"), where.lake)
    catalog = Catalog(where.client("glue"), where.output("DatabaseName"))
    now = time.time()
    with output.status("planning"):
        planned = list(compactions(lake, catalog, dataset, None, now=now, partition=partition))
    done: list[Compaction] = []
    if not as_json:
        for each in planned:
            _print(each)
        if not planned:
            output.out.print(f"nothing to compact in {dataset}", highlight=False)
    if planned and not dry_run:
        if not (yes or as_json):
            typer.confirm(f"Merge {sum(each.files for each in planned):,} files?", abort=True, err=True)
        for each in compactions(lake, catalog, dataset, merge, now=now, partition=partition):
            done.append(each)
            if not as_json:
                _print(each)
    if as_json:
        output.print_json([each.to_dict() for each in (planned if dry_run else done)])
    raise typer.Exit(1 if any(each.outcome == "overtaken" for each in done) else 0)


def _print(each: Compaction) -> None:
    size = f"{each.bytes:,} bytes" if each.bytes_after is None else f"{each.bytes:,} -> {each.bytes_after:,} bytes"
    output.out.print(
        f"{each.partition}: {each.files:,} files -> {each.files_after:,}, {size}, {each.rows:,} rows: {each.outcome}",
        highlight=False,
        soft_wrap=True,
    )
