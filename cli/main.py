"""The `sluice` program. Each command lives in its own module and is added here."""

import sys

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.backfill import backfill
from cli.check import check
from cli.clean import clean
from cli.costs import costs
from cli.diff import diff
from cli.doctor import doctor
from cli.explain import explain
from cli.new import new
from cli.put import put
from cli.quarantine import quarantine
from cli.query import query
from cli.redrive import redrive
from cli.replay import replay
from cli.report import report
from cli.retract import retract
from cli.runs import runs
from cli.show import fail
from cli.story import show_
from cli.stream import stream
from cli.up import down, up
from sluice.errors import SluiceError

app = typer.Typer(
    name="sluice",
    help="Every row of every file accounted for: published, quarantined with reasons, or discarded by name.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.command()(check)
app.command()(clean)
app.command()(new)
app.command()(explain)
app.command()(diff)
app.command()(up)
app.command()(down)
app.command()(put)
app.command()(stream)
app.command()(runs)
app.command("show")(show_)
app.command()(query)
app.command()(report)
app.command()(quarantine)
app.command()(replay)
app.command()(redrive)
app.command()(backfill)
app.command()(retract)
app.command()(costs)
app.command()(doctor)


def main() -> None:
    """Run the program. Exit 0: done; 1: the file is rejected or the run failed; 2: wrong usage."""
    try:
        app()
    except (SluiceError, BotoCoreError, ClientError) as error:
        fail(str(error), code=2)
    except KeyboardInterrupt:
        sys.exit(130)
