"""Starts a run as Validate does: its input first, then the ledger, then the execution."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from cli.stack.connection import Stack
from sluice.aws.object_keys import run_key
from sluice.aws.s3 import get_json, put_json
from sluice.ledger import runs
from sluice.ledger.runs import Run

THREADS = 8
"""Parallel calls: they wait for AWS, and botocore keeps ten connections."""


def start_run(stack: Stack, run: Run) -> None:
    """Start a run of RECEIVED sources. Idempotent: repeating it after a crash between any two steps completes it."""
    prepare(stack, run)
    runs.start(stack.client("stepfunctions"), stack.machine, run)


def prepare(stack: Stack, run: Run) -> None:
    """Write a run's input and name the run in the ledger, without starting it."""
    put_json(stack.client("s3"), stack.work, run_key(run.run_id), run.to_dict())
    ledger = stack.ledger
    with ThreadPoolExecutor(THREADS) as threads:
        # A source that is not RECEIVED any more belongs to another run, and the state machine skips it.
        list(threads.map(lambda source: ledger.assign(source, run_id=run.run_id), run.sources))


def resume_runs(stack: Stack, run_ids: Iterable[str]) -> None:
    """Start runs that the ledger names and that may not have been started with all their sources."""
    for run_id in sorted(set(run_ids)):
        start_run(stack, Run.from_dict(get_json(stack.client("s3"), stack.work, run_key(run_id))))
