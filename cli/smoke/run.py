"""The steps of the smoke test in their order, and which needs which."""

from collections.abc import Callable
from pathlib import Path

from cli.smoke import arrival, checks, cleanup, roles
from cli.smoke.samples import BAD, BROKEN, CORRECTED, GOOD, REDRIVEN, RETRACTED, Sample
from cli.smoke.steps import Step, Steps
from cli.smoke.trial import Trial, planned
from cli.stack.connection import Stack

_MISSING = "header_has_every_column"


def smoke(stack: Stack, template: Path, *, minutes: float, show: Callable[[Step], None]) -> list[Step]:
    """Try a deployment from upload to clean-up and return the steps. minutes: how long a file may take.

    show: called with each step when it has ended.
    """
    trial = Trial(stack, minutes=minutes)
    steps = Steps(hidden=stack.machine.split(":")[4], show=show)
    run = steps.run
    known = arrival.resources(stack)
    alarms = [name for kind, name in known.values() if kind == "AWS::CloudWatch::Alarm"]

    run("leftovers", "those of an interrupted smoke test are removed", lambda: _clean(trial))
    run("deployment", "the stack is complete and has this dataset", lambda: checks.deployment(stack))
    run("permissions", "every role may do what the template grants", lambda: roles.permissions(stack, known, template))
    run("upload", "the samples are in the raw bucket", trial.upload)
    uploaded = ("upload",)
    run("good file", _published(GOOD), lambda: trial.published(GOOD), needs=uploaded)
    run("bad file", _published(BAD), lambda: trial.published(BAD), needs=uploaded)
    run("broken file", f"REJECTED: {_MISSING}", lambda: trial.rejected(BROKEN, _MISSING), needs=uploaded)
    run("rows", _rows(GOOD), lambda: checks.rows(trial, GOOD), needs=("good file",))
    run("quarantine", _reasons(BAD), lambda: checks.reasons(trial, BAD), needs=("bad file",))
    run("rejected rows", "no rows", lambda: checks.nothing(trial, BROKEN), needs=("good file", "broken file"))
    run("partitions", ", ".join(GOOD.months), lambda: checks.partitions(trial, GOOD), needs=("good file",))
    first = ("good file", "bad file", "broken file")
    run("tags", "validation, status and run", lambda: checks.tags(trial, GOOD, BAD, BROKEN), needs=first)
    run("ledger", "promises the published versions", lambda: checks.ledger(trial, GOOD, BAD, BROKEN), needs=first)
    run("redrive", f"FAILED, then {_published(REDRIVEN)}", lambda: trial.redriven(REDRIVEN), needs=uploaded)
    run("redriven rows", _rows(REDRIVEN), lambda: checks.rows(trial, REDRIVEN), needs=("redrive",))
    run("correction", _published(CORRECTED), lambda: _put(trial, CORRECTED), needs=("good file",))
    run("corrected rows", _rows(CORRECTED), lambda: checks.rows(trial, CORRECTED), needs=("correction",))
    run("retraction", "PUBLISHED without rows", lambda: _put(trial, RETRACTED), needs=("good file",))
    run("retracted rows", "no rows", lambda: checks.nothing(trial, RETRACTED), needs=("retraction",))
    run("alarms", "none went off", lambda: checks.alarms(trial, alarms))
    run("dead letters", "none", lambda: checks.dead_letters(trial))
    run("clean-up", "objects, ledger items and partitions are removed", lambda: _clean(trial))
    run("empty table", "no rows", lambda: checks.emptied(stack), needs=("good file", "clean-up"))
    return steps.done


def _clean(trial: Trial) -> str:
    return cleanup.clean(trial.stack, patience=trial.patience)


def _put(trial: Trial, sample: Sample) -> str:
    trial.put(sample)
    return trial.published(sample)


def _published(sample: Sample) -> str:
    return f"PUBLISHED: {planned(sample)}"


def _rows(sample: Sample) -> str:
    return "; ".join(" ".join(cells) for cells in sample.published.values())


def _reasons(sample: Sample) -> str:
    return "; ".join(f"row {number} {reason}" for number, reason in sample.quarantined.items())
