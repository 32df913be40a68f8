"""`sluice backfill`: publishes thousands of existing files, in runs of up to 100."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.batch import candidates
from cli.batch.progress import SHOWN, exit_code, print_failures, run_all
from cli.batch.runner import Candidate, batches_of
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.terminal import output
from cli.terminal.options import AsJson, OnlyDataset, ParallelRuns
from sluice.ledger.runs import MAX_SOURCES


def backfill(
    location: Annotated[
        str, typer.Argument(metavar="FOLDER|s3://…", help="A folder, or a bucket, with or without a prefix.")
    ],
    dataset: OnlyDataset = None,
    prefix: Annotated[str, typer.Option(help="Prefix of the keys of a folder's files.")] = "",
    at_a_time: ParallelRuns = 4,
    files: Annotated[
        int, typer.Option("--files", min=1, max=MAX_SOURCES, help="Files per run, at most.")
    ] = MAX_SOURCES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Publish many existing files, in runs of up to 100 files.

    One crawl and one query serve a whole run instead of one file. Every file is validated and has its ledger entry
    like any upload. Files of a folder are uploaded, objects of the raw bucket are used in place, objects of another
    bucket are copied into it.

    It can be interrupted: started runs continue. The same command again resumes, and skips files that have a final
    status. Rejected and failed files are listed at the end; sluice redrive runs the failed ones again.

    Exit 0: every file is published. 1: some are not. 130: interrupted. 2: wrong usage, or no stack.

    Example: sluice backfill ./2024 --dry-run

    Example: sluice backfill s3://old-uploads/sales/ --stack sluice-prod --runs 8
    """
    where = connect(stack, profile, region)
    with output.status("listing files"):
        found = _found(where, location, prefix, dataset)
    batches = batches_of(found.candidates, size=files)
    if dry_run or not batches:
        _plan(found, batches, as_json)
        raise typer.Exit(0 if batches or not found.unmatched else 1)
    result = run_all(where, batches, at_a_time)
    result["ignored"] = found.unmatched
    conclude(result, as_json)


def _found(stack: Stack, location: str, prefix: str, dataset: str | None) -> candidates.Found:
    if location.startswith("s3://"):
        bucket, _, below = location.removeprefix("s3://").partition("/")
        return candidates.in_bucket(stack, bucket, below, dataset)
    folder = Path(location)
    if not folder.is_dir():
        raise typer.BadParameter(f"{location} is neither a folder nor an s3:// address", param_hint="FOLDER|s3://…")
    return candidates.in_folder(stack, folder, prefix, dataset)


def conclude(result: dict[str, Any], as_json: bool) -> None:
    """Print the result of a backfill and exit with its code."""
    if as_json:
        output.print_json(result)
    else:
        _print(result)
        print_failures(result)
    raise typer.Exit(exit_code(result))


def _print(result: dict[str, Any]) -> None:
    before = f" ({result['decided_before']:,} of them before)" if result["decided_before"] else ""
    ended, style = ("interrupted", "bold yellow") if result["interrupted"] else ("done", "bold green")
    output.headline(
        ended,
        style,
        f"{result['decided']:,} of {result['files']:,} files decided{before} in {result['seconds']:,.0f} s, "
        f"{result['files_per_second']:,.1f} a second",
    )
    output.facts(
        {
            "files": output.counts(result["statuses"]) or None,
            "rows": output.account(
                f"{result['rows']:,}", result["published"], result["quarantined"], result["discarded"]
            ),
            "ignored": f"{len(result['ignored']):,} match no dataset's naming convention"
            if result.get("ignored")
            else None,
        }
    )


def _plan(found: candidates.Found, batches: Sequence[Sequence[Candidate]], as_json: bool) -> None:
    datasets = Counter(candidate.dataset for candidate in found.candidates)
    if as_json:
        output.print_json({"files": dict(datasets), "runs": len(batches), "ignored": found.unmatched})
        return
    files, runs = output.plural(len(found.candidates), "file"), output.plural(len(batches), "run")
    output.out.print(f"{files} in {runs}: {output.counts(datasets)}", highlight=False)
    for key in found.unmatched[:SHOWN]:
        output.out.print(f"  ignored: {key}", highlight=False)
