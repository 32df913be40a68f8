"""The whole pipeline on the local AWS: from upload to queryable, one by one and as a backfill, and what AWS would bill.

    python -m tests.bench --only pipeline            (500 files with --large)

The files are real ones: what a shop of the grocery chain sold in a day. Calls are counted where the local AWS
receives them, if a role made them; state transitions and crawls are counted in the histories of the runs, billed
milliseconds in the functions' logs. Times are those of this machine, where everything shares its cores.

What a gigabyte costs follows from two generated files of sales, one cleaned by the function, one by the Glue job; the
months that they publish into are known before, so that they cost no crawl.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench import prices
from tests.bench.engines import sales_file
from tests.bench.processes import ROOT

FIRST_DAY = date(2017, 3, 4)
DAYS = 11
FEW_ROWS = 20_000
FUNCTION_LOGS = "/aws/lambda/"
BILLED = re.compile(r"Billed Duration: (\d+) ms\tMemory Size: (\d+) MB")
PATIENCE_SECONDS = 3_600.0
Figures = dict[str, Any]


def measure(bench: Path, *, files: int, rows: int, tell: Callable[[str], None]) -> Figures:
    """One file alone, `files` uploads at once, as many other files as a backfill; then two large files.

    rows: of a fifth of the file for the Glue job, and of half the file for the function.
    """
    from local import LocalAWS, detached
    from tests.chaos.world import World

    shops = _shop_days(2 + 2 * files)
    with LocalAWS(wait_scale=0.02) as aws, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tell("pipeline: deploying")
        world = World.create(aws, stack="sluice")
        detached.remember(aws, state_home=folder)
        _upload(world, dict(shops[:1]))  # the first start of every function is not measured
        tell("pipeline: one file")
        one = _measured(world, 1, lambda: _upload(world, dict(shops[1:2])))
        tell(f"pipeline: {files} uploads")
        uploads = _measured(world, files, lambda: _upload(world, dict(shops[2 : 2 + files])))
        tell(f"pipeline: {files} files as a backfill")
        others = folder / "backfill"
        for key, body in shops[2 + files :]:
            path = others / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        backfill = _measured(world, files, lambda: _backfill(others, folder))
        large = {"function": _large(world, bench, 2 * rows, tell)}
        other = World.create(aws, stack="sluice-glue", Database="sluice_glue", SmallFileBytes="0")
        large["job"] = _large(other, bench, 5 * rows, tell)
    of_the_job = large["job"]
    glue = prices.always_glue(of_the_job["core_seconds"] * 1e9 / of_the_job["file_bytes"])
    return {"one_file": one, "uploads": uploads, "backfill": backfill, "large": large, "always_glue": glue}


def _large(world: Any, bench: Path, rows: int, tell: Callable[[str], None]) -> Figures:
    """Figures of one file of sales, by the engine that the stack chooses, and what a gigabyte of it would cost."""
    tell("pipeline: opening the partitions")
    _upload(world, {"sales/S001/2025-03-04.csv": sales_file(bench, FEW_ROWS).read_bytes()})
    first = _jobs(world)
    tell(f"pipeline: one file of {rows:,} rows")
    file = sales_file(bench, rows)
    figures = _measured(world, 1, lambda: _upload(world, {"sales/S002/2025-03-05.csv": file.read_bytes()}))
    later, size = _jobs(world) - first, file.stat().st_size
    # The first file was small: its job took about as long as a job takes to start, which is not billed.
    core_seconds = max(1, later - first) * (os.cpu_count() or 1) if later else 0
    told = {"rows": rows, "file_bytes": size, "job_seconds": later, "job_start_seconds": first}
    return {
        **figures,
        **told,
        "core_seconds": core_seconds,
        "usd_a_gigabyte": prices.of_a_gigabyte(figures, size, core_seconds),
    }


def _jobs(world: Any) -> int:
    """Seconds of all runs of the stack's Glue job so far."""
    runs = world.aws.client("glue").get_job_runs(JobName=world.role("CleanJob"))["JobRuns"]
    return sum(int(run["ExecutionTime"]) for run in runs)


def _shop_days(number: int) -> list[tuple[str, bytes]]:
    """The first files of some days' shops, as (key, content). Raises ValueError when there are not so many."""
    from samples.grocery_files import shop_days

    days = [FIRST_DAY + timedelta(days=day) for day in range(DAYS)]
    files = [(key, "\n".join([*lines, ""]).encode()) for key, lines in islice(shop_days(days), number)]
    if len(files) < number:
        raise ValueError(f"{DAYS} days have {len(files)} files, {number} are wanted")
    return files


def _upload(world: Any, files: dict[str, bytes]) -> None:
    for key, body in files.items():
        world.put(key, body)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while hanging := world.undecided():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still on their way: {hanging[:5]}")
        # Looking at hundreds of files all the time would slow them down.
        time.sleep(min(2.0, 0.1 + len(hanging) / 100))
    if failed := [item for item in world.items(files) if item.get("status") == "FAILED"]:
        raise RuntimeError(f"{len(failed)} failed: {failed[:3]}")


def _backfill(folder: Path, runtime: Path) -> None:
    program = [sys.executable, "-c", "from cli.main import main; main()", "backfill", str(folder), "--json"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "functions")])
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_STATE_HOME": str(runtime)}
    environment.pop("SLUICE_STACK", None)
    done = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"backfill: exit {done.returncode}: {done.stdout[-500:]} {done.stderr[-1_000:]}")


def _measured(world: Any, files: int, work: Callable[[], None]) -> Figures:
    """Time some work, and count the calls and the histories of the runs that it started."""
    before, known, since = _last_call(world), set(_runs(world)), int(time.time() * 1_000)
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    calls = _calls(world, before)
    if not calls or calls[0]["number"] != before + 1:
        raise RuntimeError("the local AWS has forgotten the first calls: it keeps a bounded number")
    calls = [call for call in calls if call["role"]]
    histories = [_history(world, arn) for arn in _runs(world) if arn not in known]
    figures = {
        "files": files,
        "seconds": round(seconds, 2),
        "seconds_a_file": round(seconds / files, 3),
        "runs": len(histories),
        "state_transitions": sum(event["type"].endswith("StateEntered") for one in histories for event in one),
        "crawls": _scheduled(histories, "startCrawler"),
        "lambda": _billed(world, since),
        "requests": dict(Counter(call["action"] or f"{call['service']}:{call['operation']}" for call in calls)),
    }
    return {**figures, "usd": prices.of(figures)}


def _runs(world: Any) -> list[str]:
    pages = world.aws.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=world.machine)
    return [execution["executionArn"] for page in found for execution in page["executions"]]


def _history(world: Any, arn: str) -> list[dict[str, Any]]:
    pages = world.aws.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def _scheduled(histories: list[list[dict[str, Any]]], action: str) -> int:
    tasks = [event.get("taskScheduledEventDetails", {}) for one in histories for event in one]
    return sum(action in task.get("resource", "") for task in tasks)


def _billed(world: Any, since: int) -> dict[str, float]:
    """Return calls, milliseconds and GB-seconds of all functions, as their logs report them."""
    logs = world.aws.client("logs")
    billed = []
    for group in logs.describe_log_groups(logGroupNamePrefix=FUNCTION_LOGS)["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"], startTime=since)
        found = (BILLED.search(event["message"]) for page in pages for event in page["events"])
        billed += [(int(one[1]), int(one[2])) for one in found if one]
    return {
        "calls": len(billed),
        "milliseconds": sum(milliseconds for milliseconds, _ in billed),
        "gb_seconds": round(sum(milliseconds / 1_000 * megabytes / 1_024 for milliseconds, megabytes in billed), 3),
    }


def _calls(world: Any, since: int) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{world.aws.endpoint}/_sluice/calls?since={since}") as answer:  # noqa: S310 our own
        told = json.load(answer)
    return told["calls"] if isinstance(told, dict) else told


def _last_call(world: Any) -> int:
    return max((call["number"] for call in _calls(world, 0)), default=0)
