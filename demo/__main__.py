"""The whole of Sluice on this machine: real files of shops, some broken on purpose, go from upload to table.

    python -m demo.__main__            (make demo)

KEEP=1 leaves the local AWS running afterwards; PORT=n lets it listen there. Exit 0 only when the ledger and the
tables say exactly what was planned.
"""

import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

from cli.stack import history
from cli.stack.connection import Stack, deployed
from cli.stack.executions import state_of
from cli.stack.follow import Upload
from demo.answers import MONTHS, REASONS, rows, wrong_accounts, wrong_tables
from demo.display import Board, Seen, Sighting, console, readable, rows_table
from demo.plan import SMALL_FILE_BYTES, Plan, make
from local import Connection, DeployFailed, LocalAWS, PortTaken, StartFailed, deploy, detached
from samples.planted_damage import Planted
from sluice.ledger.ledger import REJECTED

ROOT = Path(__file__).parent.parent
STACK = "sluice"
PATIENCE_SECONDS = 900.0
GLANCE_SECONDS = 0.5


class TooSlow(Exception):
    """Files are still on their way after PATIENCE_SECONDS."""


class Demo:
    """One deployed stack and what was uploaded to it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def act(self, files: list[Planted]) -> list[str]:
        """Upload, watch until everything is decided; returns what is not as planned."""
        planned = {self._put(planted): planted for planted in files}
        seen = self._watch(planned)
        return wrong_accounts((planted, seen[upload]) for upload, planted in planned.items())

    def _put(self, planted: Planted) -> Upload:
        s3 = self._stack.client("s3")
        answer = s3.put_object(Bucket=self._stack.raw, Key=planted.key, Body=planted.content)
        return Upload(self._stack.uri(planted.key), answer["VersionId"])

    def _watch(self, planned: dict[Upload, Planted]) -> Seen:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with Board(planned) as board:
            while time.monotonic() < deadline:
                seen = self._look([*planned])
                board.show(seen)
                if all(sighting.ended for sighting in seen.values()):
                    return seen
                time.sleep(GLANCE_SECONDS)
        raise TooSlow(", ".join(upload.uri for upload, sighting in seen.items() if not sighting.ended))

    def _look(self, uploads: list[Upload]) -> Seen:
        entries = history.entries(self._stack, [(upload.uri, upload.version_id) for upload in uploads])
        return {upload: self._sighting(entries.get((upload.uri, upload.version_id), {})) for upload in uploads}

    def _sighting(self, entry: history.Entry) -> Sighting:
        if not entry or entry["status"] == REJECTED:
            return Sighting(entry)
        return Sighting(entry, state_of(self._stack, entry.get("run_id", "")))


def why_no_spark() -> str:
    """What keeps the Glue job from running here, or ""."""
    if not shutil.which("java"):
        return "no Java found: with Java 17 a larger file takes the Glue job too, on local Spark"
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: `make demo` installs it where it finds Java"
    return ""


def run(aws: Connection) -> list[str]:
    """The demonstration on a running local AWS; returns what is not as planned."""
    no_spark = why_no_spark()
    plan = make(with_spark=not no_spark)
    begun = time.monotonic()
    with console.status("deploying template.yaml"):
        deployment = deploy(
            aws, ROOT / "template.yaml", stack=STACK, parameters={"SmallFileBytes": str(SMALL_FILE_BYTES)}
        )
    console.print(
        f"template.yaml deployed in {time.monotonic() - begun:.1f} s: {len(deployment.resources)} resources\n"
    )
    stack = deployed(aws.session(), STACK)
    wrong = acts(Demo(stack), plan, no_spark)
    with console.status("asking Athena"):
        months, reasons = rows(stack, MONTHS), rows(stack, REASONS)
        wrong += wrong_tables(stack, plan.in_the_end)
    console.print(rows_table("What Athena sees in the table grocery", months, readable))
    console.print()
    console.print(
        rows_table("and in grocery_quarantine, where every refused row waits with its text", reasons, readable)
    )
    console.print(f"  its files: s3://{stack.output('LakeBucketName')}/quarantine/grocery/\n", soft_wrap=True)
    return wrong


def acts(demo: Demo, plan: Plan, no_spark: str) -> list[str]:
    console.print(f"[bold]{len(plan.first)} days of shops arrive[/], some damaged on purpose")
    wrong = demo.act(list(plan.first))
    console.print("\n[bold]One of them again, corrected[/]: its rows replace those of the first try")
    wrong += demo.act([plan.correction])
    if plan.large:
        console.print("\n[bold]A whole year of a shop[/]: too large for Lambda, so the Glue job takes it (Spark)")
        wrong += demo.act([plan.large])
    else:
        console.print(f"\n[yellow]Spark is left out[/]: {no_spark}")
    console.print()
    return wrong


def told(aws: Connection) -> None:
    """How to go on with a local AWS that is kept."""
    console.print(f"The local AWS goes on at [bold]{aws.endpoint}[/]; `.venv/bin/sluice down` ends it. Here:\n")
    for name, value in aws.env().items():
        console.print(f"  export {name}={value}", soft_wrap=True)
    console.print("  aws s3 ls                # or --endpoint-url: any tool and SDK works, with IAM enforced")
    console.print("  .venv/bin/sluice runs    # needs no variables: it finds the local AWS by itself")


def main() -> int:
    """Returns the exit code: 0 as planned, 1 not as planned, 2 could not run."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    port = int(os.environ["PORT"]) if os.environ.get("PORT") else None
    aws = LocalAWS(port=port, wait_scale=detached.WAIT_SCALE, tied_to_parent=not keep)
    begun = time.monotonic()
    kept = False
    try:
        with console.status("starting the local AWS"):
            aws.start()
        console.print(f"Local AWS at {aws.endpoint}, on this machine only")
        wrong = run(aws)
        for line in wrong:
            console.print(f"[bold red]not as planned[/] {line}", soft_wrap=True)
        if not wrong:
            console.print(f"[bold green]Everything is as planned[/], in {time.monotonic() - begun:.0f} s")
        if keep:
            detached.remember(aws)
            told(aws)
            kept = True
    except (PortTaken, StartFailed, DeployFailed, TooSlow) as error:
        console.print(f"[bold red]{type(error).__name__}[/] {error}", soft_wrap=True)
        return 2
    else:
        return 1 if wrong else 0
    finally:
        if not kept:
            aws.stop()


if __name__ == "__main__":
    sys.exit(main())
