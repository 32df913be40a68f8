"""The `sluice` command. Each subcommand is the function of its name in a module of its name, in cli/commands."""

import ast
import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from typer.core import TyperGroup

from cli.terminal.errors import advised
from cli.terminal.output import fail
from sluice.errors import SluiceError

_PANELS = {
    "On this machine, without AWS": ("check", "clean", "new", "explain", "diff"),
    "Set up": ("up", "down", "smoke", "doctor", "destroy"),
    "Send data": ("put", "stream", "backfill"),
    "Inspect": ("runs", "show", "query", "cut", "report", "quarantine", "costs"),
    "Repair": ("replay", "migrate", "redrive", "retract", "verify", "compact"),
}


def load(name: str) -> Any:
    """Return a subcommand, with its options."""
    single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    single.command(name)(getattr(importlib.import_module(f"cli.commands.{name}"), name))
    return typer.main.get_command(single)


class _Subcommands(TyperGroup):
    """Imports only the subcommand that runs: most bring boto3 or Polars, half a second of the processor and more."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a subcommand as the list of `sluice --help` shows it."""
        command = super().get_command(ctx, cmd_name)
        if command:
            command.help = _description(cmd_name)
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, others = super().resolve_command(ctx, args)
        return name, name and load(name), others


def _description(name: str) -> str | None:
    """Return the docstring of a subcommand, from its source."""
    module = ast.parse((Path(__file__).parent / "commands" / f"{name}.py").read_text(encoding="utf-8"))
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
    return next(ast.get_docstring(function) for function in functions if function.name == name)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sluice {importlib.metadata.version('sluice')}")
        raise typer.Exit


app = typer.Typer(
    name="sluice",
    cls=_Subcommands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for panel, names in _PANELS.items():
    for name in names:
        app.command(name, rich_help_panel=panel)(lambda: None)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every row of every file accounted for: published, quarantined with reasons, or discarded by name."""


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
