"""`sluice smoke`: tries a deployment with samples of its own, from upload to clean-up."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.smoke.run import smoke as run
from cli.smoke.steps import FAILED, PASSED, SKIPPED, Step, markdown
from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.deployment import TEMPLATE
from cli.terminal import output
from cli.terminal.listing import Listing
from cli.terminal.options import AsJson

_COLOURS = {PASSED: "green", FAILED: "bold red", SKIPPED: "yellow"}


def smoke(
    minutes: Annotated[float, typer.Option(min=0, help="How long a file may take, in minutes.")] = 15,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Markdown file to write the report to.")] = None,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Test a deployment: upload samples, follow them, query, correct, redrive, retract, look around, clean up.

    It uses a dataset of its own, sluice_smoke, and touches nothing else. Subscribers to alerts are notified of one
    rejected file and one failed run. The report hides the account's number, so that it can be attached to an issue.
    Run one at a time: it removes what an earlier, interrupted one left.

    Exit 0: every step passed or could not be tried. 1: a step failed. 2: wrong usage, or no stack.

    Example: sluice smoke --stack sluice-dev --out report.md
    """
    where = connect(stack, profile, region)
    with output.status(f"testing {where.name}"):
        steps = run(where, TEMPLATE, minutes=minutes, show=lambda step: None if as_json else _print_line(step))
    failed = [step for step in steps if step.state == FAILED]
    at = "the local AWS" if where.local else where.session.region_name
    if out:
        title = f"sluice smoke: {where.name} on {at}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        out.write_text(markdown(steps, title))
    if as_json:
        output.print_json({"stack": where.name, "passed": not failed, "steps": [vars(step) for step in steps]})
    else:
        _print(steps, failed)
    raise typer.Exit(1 if failed else 0)


def _print_line(step: Step) -> None:
    output.err.print(Text.assemble((f"{step.state:<8}", _COLOURS[step.state]), step.name), soft_wrap=True)


def _print(steps: list[Step], failed: list[Step]) -> None:
    listed = Listing(("", "step", "expected", "found", "seconds"), right=("seconds",), prose=("expected", "found"))
    for step in steps:
        state = Text(step.state, style=_COLOURS[step.state])
        listed.add_row(state, step.name, Text(step.expected), Text(step.found), f"{step.seconds:.1f}")
    listed.print(output.out)
    for step in failed:
        if step.advice:
            output.out.print(Text.assemble((f"{step.name}: ", "bold red"), step.advice), soft_wrap=True)
