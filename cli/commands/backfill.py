"""`sluice backfill`: publishes thousands of existing files, in runs of up to 100."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.batch import candidates
from cli.batch.runner import Batch, Candidate, Runner, Stopped, batches_of
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.ledger.ledger import FAILED, REJECTED
from sluice.ledger.runs import MAX_SOURCES

_SHOWN = 10

AtATime = Annotated[int, typer.Option("--runs", min=1, max=50, help="Parallel runs.")]
FilesARun = Annotated[int, typer.Option("--files", min=1, max=MAX_SOURCES, help="Files per run, at most.")]


def backfill(
    location: Annotated[
        str, typer.Argument(metavar="FOLDER|s3://…", help="A folder, or a bucket, with or without a prefix.")
    ],
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="Only files of this dataset.")] = None,
    prefix: Annotated[str, typer.Option(help="Prefix of the keys of a folder's files.")] = "",
    at_a_time: AtATime = 4,
    files: FilesARun = MAX_SOURCES,
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


def run_all(stack: Stack, batches: Sequence[Sequence[Candidate]], at_a_time: int) -> dict[str, Any]:
    """Run batches in parallel, showing progress; return {files, seconds, statuses, rows, …, interrupted}."""
    stop = threading.Event()
    tally = _Tally(sum(len(batch) for batch in batches))
    started = time.perf_counter()
    with _bar() as bar, ThreadPoolExecutor(at_a_time) as threads:
        task = bar.add_task("", total=tally.files, counts="")

        def on_final(entries: Sequence[Entry]) -> None:
            tally.add(entries)
            bar.update(task, completed=tally.decided, counts=tally.counts())

        runner = Runner(stack, stop, on_final)
        futures = [threads.submit(runner.run, batch) for batch in batches]
        try:
            for future in as_completed(futures):
                tally.take(future)
                bar.update(task, counts=tally.counts())
        except KeyboardInterrupt:
            stop.set()
            for future in futures:
                future.cancel()
            tally.interrupted = True
    return tally.result(time.perf_counter() - started)


class _Tally:
    """Counts of the files with a final status, so far."""

    def __init__(self, files: int) -> None:
        self.files = files
        self.interrupted = False
        self._began = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._before = 0
        self._lock = threading.Lock()
        self._statuses: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._bad: list[Entry] = []
        self._problems: dict[str, str] = {}

    @property
    def decided(self) -> int:
        return self._statuses.total()

    def add(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            for entry in entries:
                self._statuses[entry["status"]] += 1
                self._before += entry["updated_at"] < self._began
                if entry["status"] in (REJECTED, FAILED):
                    self._bad.append(entry)
                for name in ("rows", "published", "quarantined"):
                    self._rows[name] += entry.get(name, 0) if "published" in entry else 0
                self._rows["discarded"] += sum(entry.get("discarded", {}).values())

    def take(self, future: "Future[Batch]") -> None:
        """Add the problems of a batch."""
        try:
            self._problems |= future.result().problems
        except Stopped:
            self.interrupted = True

    def counts(self) -> str:
        return output.counts(self._statuses)

    def result(self, seconds: float) -> dict[str, Any]:
        return {
            "files": self.files,
            "decided": self.decided,
            "decided_before": self._before,
            "statuses": dict(self._statuses),
            **{name: self._rows[name] for name in ("rows", "published", "quarantined", "discarded")},
            "seconds": round(seconds, 1),
            "files_per_second": round((self.decided - self._before) / seconds, 1) if seconds else 0.0,
            "interrupted": self.interrupted,
            "bad": [
                {"source": e["source"], "status": e["status"], "run_id": e.get("run_id"), "why": _why(e)}
                for e in self._bad
            ],
            "problems": self._problems,
        }


def conclude(result: dict[str, Any], as_json: bool) -> None:
    """Print the result of a backfill and exit with its code."""
    if as_json:
        output.print_json(result)
    else:
        _print(result)
        print_failures(result)
    raise typer.Exit(exit_code(result))


def exit_code(result: dict[str, Any]) -> int:
    """130: interrupted; 1: a file is not published; 0: all are."""
    if result["interrupted"]:
        return 130
    return 1 if result["bad"] or result["problems"] else 0


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
            "rows": f"{result['rows']:,} = {result['published']:,} published + {result['quarantined']:,} quarantined "
            f"+ {result['discarded']:,} discarded",
            "ignored": f"{len(result['ignored']):,} match no dataset's naming convention"
            if result.get("ignored")
            else None,
        }
    )


def print_failures(result: dict[str, Any]) -> None:
    """Print the files that are not published, why, and what to do next."""
    failures = [(each["source"], each["status"], each["why"]) for each in result["bad"]]
    failures += [(key, "NOT DONE", why) for key, why in result["problems"].items()]
    if failures:
        listed = output.table("file", "status", "why", folded=("file", "why"))
        for source, status, why in failures[:_SHOWN]:
            listed.add_row(source, output.status_text(status), why)
        output.out.print(listed, highlight=False)
        if len(failures) > _SHOWN:
            output.out.print(f"and {len(failures) - _SHOWN:,} more: --json", style="dim")
    for run in sorted({each["run_id"] for each in result["bad"] if each["status"] == FAILED})[:_SHOWN]:
        output.hint(f"sluice redrive {run}")
    if result["interrupted"]:
        output.out.print("repeat the same command to continue", style="dim")


def _plan(found: candidates.Found, batches: Sequence[Sequence[Candidate]], as_json: bool) -> None:
    datasets = Counter(candidate.dataset for candidate in found.candidates)
    if as_json:
        output.print_json({"files": dict(datasets), "runs": len(batches), "ignored": found.unmatched})
        return
    files, runs = output.plural(len(found.candidates), "file"), output.plural(len(batches), "run")
    output.out.print(f"{files} in {runs}: {output.counts(datasets)}", highlight=False)
    for key in found.unmatched[:_SHOWN]:
        output.out.print(f"  ignored: {key}", highlight=False)


def _why(entry: Entry) -> str:
    if entry["status"] == FAILED:
        return f"{entry.get('error')}: {entry.get('cause')}"
    return "; ".join(entry.get("problems", []))


def _bar() -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=output.err,
        disable=not output.err.is_terminal,
    )
