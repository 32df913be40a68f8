"""Starts runs from here, as the gate does: its input first, then the ledger, then the execution."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from cli.stack.connection import Stack
from sluice.aws.object_keys import run_key
from sluice.aws.s3 import get_json, put_json
from sluice.ledger import runs
from sluice.ledger.runs import Run

THREADS = 8
"""Calls at a time: they wait for AWS, and botocore keeps ten connections."""


def begin(stack: Stack, run: Run) -> None:
    """Start a run of sources that wait. Repeating it after a crash between any two steps goes on with it."""
    put_json(stack.client("s3"), stack.work, run_key(run.run_id), run.to_dict())
    ledger = stack.ledger
    with ThreadPoolExecutor(THREADS) as threads:
        # One that does not wait any more is taken by another run, and the state machine skips it.
        list(threads.map(lambda source: ledger.assign(source, run_id=run.run_id), run.sources))
    runs.start(stack.client("stepfunctions"), stack.machine, run)


def begin_again(stack: Stack, run_ids: Iterable[str]) -> None:
    """Make sure that runs which the ledger names are started with all their sources."""
    for run_id in sorted(set(run_ids)):
        begin(stack, Run.from_dict(get_json(stack.client("s3"), stack.work, run_key(run_id))))
