"""The `sluice` command: one module per subcommand, added here."""

import importlib.metadata
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.commands.backfill import backfill
from cli.commands.check import check
from cli.commands.clean import clean
from cli.commands.costs import costs
from cli.commands.destroy import destroy
from cli.commands.diff import diff
from cli.commands.doctor import doctor
from cli.commands.explain import explain
from cli.commands.new import new
from cli.commands.put import put
from cli.commands.quarantine import quarantine
from cli.commands.query import query
from cli.commands.redrive import redrive
from cli.commands.replay import replay
from cli.commands.report import report
from cli.commands.retract import retract
from cli.commands.runs import runs
from cli.commands.show import show_
from cli.commands.smoke import smoke
from cli.commands.stream import stream
from cli.commands.up import down, up
from cli.commands.verify import verify
from cli.terminal.errors import advised
from cli.terminal.output import fail
from sluice.errors import SluiceError


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sluice {importlib.metadata.version('sluice')}")
        raise typer.Exit


app = typer.Typer(
    name="sluice",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every row of every file accounted for: published, quarantined with reasons, or discarded by name."""


_PANELS: dict[str, list[Callable[..., None]]] = {
    "On this machine, without AWS": [check, clean, new, explain, diff],
    "Set up": [up, down, smoke, doctor, destroy],
    "Send data": [put, stream, backfill],
    "Inspect": [runs, show_, query, report, quarantine, costs],
    "Repair": [replay, redrive, retract, verify],
}
for panel, commands in _PANELS.items():
    for command in commands:
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)


def main() -> None:
    """Run the program. Exit 0: done; 1: the file is rejected or the run failed; 2: wrong usage."""
    try:
        app()
    except SluiceError as error:
        fail(str(error), code=2)
    except (BotoCoreError, ClientError, OSError) as error:
        fail(advised(error), code=2)
    except KeyboardInterrupt:
        sys.exit(130)
