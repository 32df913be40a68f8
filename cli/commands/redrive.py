"""`sluice redrive`: runs the failed files of a run again, after the cause is fixed."""

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from cli.stack import history
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.executions import execution, run_input
from cli.stack.follow import Upload, finish
from cli.stack.history import Entry
from cli.stack.redrive import redrive as redrive_run
from cli.stack.redrive import redrive_dead_letters
from cli.terminal import output
from cli.terminal.options import AsJson, Wait
from sluice.ledger.ledger import CLEANING, FAILED, RECEIVED

_PAUSE = 1.0
"""Seconds between two reads of a run that is about to end."""


def redrive(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="The id of a run that failed.")] = None,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Instead: redrive the messages of the dead-letter queue.")
    ] = False,
    wait: Wait = True,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Run the failed files of a run again, as a new run. Fix the cause first; sluice show RUN prints it.

    A file of which a newer version has arrived is not run again. With --dead-letters every message of the dead-letter
    queue is delivered again.

    Exit 0: all published. 1: nothing has failed, or it failed again. 2: wrong usage, or no stack.

    Example: sluice redrive sales-1f0c9d0a7b3e4c52

    Example: sluice redrive --dead-letters
    """
    if (run is None) == (not dead_letters):
        raise typer.BadParameter("give either a RUN or --dead-letters")
    where = connect(stack, profile, region)
    if run is None:
        _redrive_dead_letters(where, as_json)
        return
    entries = _failed(where, run)
    if not entries:
        known = execution(where, run) or history.of_run(where, run)
        message = f"no file of {run} has failed" if known else f"there is no run {run!r}; sluice runs lists them"
        output.fail(message, code=1)
    again = redrive_run(where, entries)
    if not wait:
        output.print_json(again.to_dict()) if as_json else output.hint(f"sluice show {again.run_id}")
        return
    uploads = [Upload(source.uri, source.version_id) for source in again.sources]
    raise typer.Exit(finish(where, uploads, as_json=as_json))


def _failed(stack: Stack, run_id: str) -> list[Entry]:
    """Return the entries of a run that failed, or that an interrupted redrive has reopened."""
    pairs = [(source.uri, source.version_id) for source in run_input(stack, run_id)]
    while True:
        running = execution(stack, run_id).get("status") == "RUNNING"
        entries = list(history.entries(stack, pairs).values()) or history.of_run(stack, run_id)
        mine = [entry for entry in entries if entry.get("run_id") == run_id]
        if not running:
            return [entry for entry in entries if entry["status"] == FAILED or entry in _of(mine, RECEIVED)]
        if _of(mine, RECEIVED) or _of(mine, CLEANING):
            output.fail(f"{run_id} is still running: sluice show {run_id}", code=1)
        # All files are final, and the run is about to report it: a new attempt now would be reported as the old one.
        time.sleep(_PAUSE)


def _of(entries: Sequence[Entry], status: str) -> list[Entry]:
    return [entry for entry in entries if entry["status"] == status]


def _redrive_dead_letters(stack: Stack, as_json: bool) -> None:
    done = redrive_dead_letters(
        stack.client("sqs"),
        stack.client("lambda"),
        dead_letters_url=stack.output("DeadLetterQueueUrl"),
        queue_url=stack.output("UploadQueueUrl"),
        recover_function=f"{stack.name}-recover",
        describe_function=f"{stack.name}-describe",
    )
    if as_json:
        output.print_json(dict(done))
    else:
        output.out.print(f"delivered again: {output.counts(done) or 'nothing'}", highlight=False)
