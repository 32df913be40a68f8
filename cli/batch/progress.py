"""Runs batches in parallel, with a progress bar, and prints what failed."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.batch.runner import Batch, Candidate, Runner, Stopped
from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.executions import REPLACING
from cli.stack.history import Entry
from cli.terminal import output
from cli.terminal.listing import Listing
from sluice.ledger.ledger import FAILED, REJECTED

SHOWN = 10
"""Files of a list that are printed."""


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

        def on_replacing() -> None:
            bar.update(task, counts=f"{tally.counts()}; {REPLACING}")

        runner = Runner(stack, stop, on_final, on_replacing)
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
                {
                    "source": e["source"],
                    "status": e["status"],
                    "run_id": e.get("run_id"),
                    "why": "; ".join(history.why(e)),
                }
                for e in self._bad
            ],
            "problems": self._problems,
        }


def exit_code(result: dict[str, Any]) -> int:
    """130: interrupted; 1: a file is not published; 0: all are."""
    if result["interrupted"]:
        return 130
    return 1 if result["bad"] or result["problems"] else 0


def print_failures(result: dict[str, Any]) -> None:
    """Print the files that are not published, why, and what to do next."""
    failures = [(each["source"], each["status"], each["why"]) for each in result["bad"]]
    failures += [(key, "NOT DONE", why) for key, why in result["problems"].items()]
    if failures:
        listed = Listing(("file", "status", "why"), prose=("why",))
        for source, status, why in failures[:SHOWN]:
            listed.add_row(source, output.status_text(status), why)
        listed.print(output.out)
        if len(failures) > SHOWN:
            output.out.print(f"and {len(failures) - SHOWN:,} more: --json", style="dim")
    for run in sorted({each["run_id"] for each in result["bad"] if each["status"] == FAILED})[:SHOWN]:
        output.hint(f"sluice redrive {run}")
    if result["interrupted"]:
        output.out.print("repeat the same command to continue", style="dim")


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
