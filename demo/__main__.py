"""`make demo`: a local AWS, this template, and real files of shops, some damaged on purpose, from upload to table.

    python -m demo

KEEP=1 leaves the local AWS running, if this checkout has none yet; PORT=n sets its port. Exit 0: the ledger and the
tables have exactly the planned rows. 1: they differ. 2: it could not run.
"""

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from cli.stack import history
from cli.stack.connection import Stack, deployed
from cli.stack.executions import state_of
from cli.stack.follow import Upload
from demo.answers import MONTHS, REASONS, account_differences, crawl, rows, rows_of, table_differences
from demo.display import Progress, Progresses, ProgressTable, console, readable, rows_table
from demo.plan import SALES_MONTHS, SMALL_FILE_BYTES, Plan, make
from local import Connection, DeployFailed, LocalAWS, PortTaken, StartFailed, deploy, detached
from samples.planted_damage import Planted
from sluice.ledger.ledger import REJECTED

ROOT = Path(__file__).parent.parent
STACK = "sluice"
TIMEOUT_SECONDS = 900.0
POLL_SECONDS = 0.5


class TimedOut(Exception):
    """Files have no final status after TIMEOUT_SECONDS."""


class Demo:
    """Uploads files to a deployed stack and waits for their final status."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def upload(self, files: list[Planted], meanwhile: Callable[[], object] = lambda: None) -> list[str]:
        """Upload files, wait until each has a final status; return the differences from the plan.

        meanwhile: called each time that the ledger is read.
        """
        planned = {self._put(planted): planted for planted in files}
        ended = self._wait(planned, meanwhile)
        return account_differences((planted, ended[upload]) for upload, planted in planned.items())

    def _put(self, planted: Planted) -> Upload:
        s3 = self._stack.client("s3")
        answer = s3.put_object(Bucket=self._stack.raw, Key=planted.key, Body=planted.content)
        return Upload(self._stack.uri(planted.key), answer["VersionId"])

    def _wait(self, planned: dict[Upload, Planted], meanwhile: Callable[[], object]) -> Progresses:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with ProgressTable(planned) as table:
            while time.monotonic() < deadline:
                found = self._poll([*planned])
                table.show(found)
                meanwhile()
                if all(progress.ended for progress in found.values()):
                    return found
                time.sleep(POLL_SECONDS)
        raise TimedOut(", ".join(upload.uri for upload, progress in found.items() if not progress.ended))

    def _poll(self, uploads: list[Upload]) -> Progresses:
        entries = history.entries(self._stack, [(upload.uri, upload.version_id) for upload in uploads])
        return {upload: self._progress(entries.get((upload.uri, upload.version_id), {})) for upload in uploads}

    def _progress(self, entry: history.Entry) -> Progress:
        if not entry or entry["status"] == REJECTED:
            return Progress(entry)
        return Progress(entry, state_of(self._stack, entry.get("run_id", "")))


def why_no_spark() -> str:
    """Return why Spark cannot run here, "" if it can."""
    if not shutil.which("java"):
        return "no Java found: with Java 17 a larger file takes the Glue job too, on local Spark"
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: `make demo` installs it where it finds Java"
    return ""


def run(aws: Connection) -> list[str]:
    """Run the demonstration on a local AWS; return the differences from the plan."""
    no_spark = why_no_spark()
    plan = make(with_spark=not no_spark)
    started = time.monotonic()
    with console.status("deploying template.yaml"):
        deployment = deploy(
            aws,
            ROOT / "template.yaml",
            stack=STACK,
            parameters={"SmallFileBytes": str(SMALL_FILE_BYTES), "CrawlMinutes": "0"},
        )
    console.print(
        f"template.yaml deployed in {time.monotonic() - started:.1f} s: {len(deployment.resources)} resources\n"
    )
    stack = deployed(aws.session(), STACK)
    differences = upload_all(stack, plan, no_spark)
    with console.status("querying Athena"):
        months, reasons = rows(stack, MONTHS), rows(stack, REASONS)
        differences += table_differences(stack, plan.final)
    console.print(rows_table("What Athena sees in the table grocery", months, readable))
    console.print()
    console.print(
        rows_table("and in the tables NAME_quarantine, which have the text of every refused row", reasons, readable)
    )
    console.print(f"  Its files: s3://{stack.output('LakeBucketName')}/quarantine/\n", soft_wrap=True)
    return differences


def upload_all(stack: Stack, plan: Plan, no_spark: str) -> list[str]:
    demo = Demo(stack)
    files = [*plan.first, *plan.sales]
    console.print(f"[bold]{len(files)} days of shops arrive[/], some damaged on purpose")
    differences = demo.upload(files) + crawl_differences(stack)
    console.print("\n[bold]One of them again, corrected[/]: its rows replace those of the first try")
    seen = [rows_of(stack, plan.correction.key)]
    differences += demo.upload([plan.correction], lambda: seen.append(rows_of(stack, plan.correction.key)))
    differences += replacement_differences(plan, [rows for rows, _ in groupby(seen)])
    if plan.large:
        console.print("\n[bold]A whole year of a shop[/]: too large for Lambda, so the Glue job takes it (Spark)")
        differences += demo.upload([plan.large])
    else:
        console.print(f"\n[yellow]Spark is left out[/]: {no_spark}")
    console.print()
    return differences


def crawl_differences(stack: Stack) -> list[str]:
    ended, partitions = crawl(stack)
    console.print(f"  The crawler has checked sales, a Parquet table: {ended}, {', '.join(partitions)}")
    return [] if (ended, partitions) == ("SUCCEEDED", SALES_MONTHS) else [f"the crawl {ended}, it saw {partitions}"]


def replacement_differences(plan: Plan, seen: list[int]) -> list[str]:
    """Return whether readers saw anything but the old rows of the corrected file and then the new ones."""
    wanted = [plan.before.published, plan.correction.published]
    shown = " rows of it, then ".join(map(str, seen))
    console.print(f"  Readers of grocery, an Iceberg table, saw {shown}: never both")
    return [] if seen == wanted else [f"{plan.correction.key}: a reader saw {seen} rows, planned {wanted}"]


def print_usage(aws: Connection) -> None:
    """Print how to use the local AWS that keeps running."""
    console.print(
        f"The local AWS keeps running at [bold]{aws.endpoint}[/]; `.venv/bin/sluice down` stops it. To use it:\n"
    )
    for name, value in aws.env().items():
        console.print(f"  export {name}={value}", soft_wrap=True)
    console.print("  aws s3 ls                # or --endpoint-url: any tool and SDK works, with IAM enforced")
    console.print("  .venv/bin/sluice runs    # needs no variables")


def main() -> int:
    """Return the exit code."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    port = int(os.environ["PORT"]) if os.environ.get("PORT") else None
    aws = LocalAWS(port=port, wait_scale=detached.WAIT_SCALE, tied_to_parent=not keep)
    started = time.monotonic()
    kept = False
    try:
        if keep:
            detached.refuse_second()
        with console.status("starting the local AWS"):
            aws.start()
        if keep:
            detached.remember(aws)
        console.print(f"Local AWS at {aws.endpoint}, on this machine only")
        differences = run(aws)
        for line in differences:
            console.print(f"[bold red]not as planned[/] {line}", soft_wrap=True)
        if not differences:
            console.print(f"[bold green]Everything is as planned[/], in {time.monotonic() - started:.0f} s")
        if keep:
            print_usage(aws)
            kept = True
    except (*detached.ERRORS, PortTaken, StartFailed, DeployFailed, TimedOut) as error:
        console.print(f"[bold red]{type(error).__name__}[/] {error}", soft_wrap=True)
        return 2
    else:
        return 1 if differences else 0
    finally:
        if not kept:
            aws.stop()


if __name__ == "__main__":
    sys.exit(main())
