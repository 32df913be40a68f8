"""`sluice up`: starts a local AWS with Sluice deployed on it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cli.stack.deployment import TEMPLATE
from cli.terminal import output
from cli.terminal.options import AsJson

STACK = "sluice"


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on; a free one by default.")] = None,
    idle_minutes: Annotated[float, typer.Option(help="Stop after so long without a call.")] = 120,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the data beyond its end, and bring back what was kept.")
    ] = False,
    template: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The template to deploy.")] = TEMPLATE,
    as_json: AsJson = False,
) -> None:
    """Start a local AWS and deploy Sluice on it; when one is up, deploy the changes.

    No account and no Docker. It is the template that is deployed to AWS, with its roles and permissions.
    The other commands of this checkout use it from then on, unless --stack is given. Another checkout has its own.

    Its data are gone when it ends, by sluice down, unused for --idle-minutes, or with the machine. With --keep they
    come back with the next sluice up --keep of this checkout: objects with their versions, ledger, catalog, stack,
    runs. They are saved when it ends, so not when it is killed; queries and what was in progress are not kept.

    Exit 0: it is up. 2: it could not start or deploy.

    Example: sluice up

    Example: sluice up --keep
    """
    try:
        from local import DeployFailed, PortTaken, StartFailed, deploy, detached
    except ModuleNotFoundError as missing:
        output.fail(f"{missing.name} is not installed: .venv/bin/uv sync --inexact --frozen --group local", code=2)
    started = time.perf_counter()
    try:
        try:
            aws = detached.current()
            if keep and not detached.keeps():
                output.fail("the local AWS that is up keeps nothing: sluice down, then sluice up --keep", code=2)
        except detached.NotUp as none:
            if str(none) != detached.NONE:
                output.err.print(str(none), style="dim", highlight=False, soft_wrap=True)
            if keep and (words := detached.lost()):
                output.err.print(words, highlight=False, soft_wrap=True)
            with output.status("starting the local AWS"):
                aws = detached.up(port=port, idle_minutes=idle_minutes, keep=keep)
        with output.status("deploying"):
            # So contracts with personal columns and streams can be tried without other parameters.
            deployment = deploy(
                aws, template, stack=STACK, parameters={"HashKey": "own", "Streaming": "yes", "CrawlMinutes": "0"}
            )
    except (*detached.ERRORS, PortTaken, StartFailed, DeployFailed) as failed:
        output.fail(str(failed), code=2)
    seconds = time.perf_counter() - started
    if as_json:
        output.print_json(
            {"endpoint": aws.endpoint, "stack": STACK, "outputs": deployment.outputs, "environment": aws.env()}
        )
        return
    output.headline("up", "bold green", aws.endpoint, f"{seconds:.1f} s")
    output.facts(
        {
            "raw bucket": deployment.outputs["RawBucketName"],
            "lake bucket": deployment.outputs["LakeBucketName"],
            "database": deployment.outputs["DatabaseName"],
        }
    )
    output.hint("sluice put tests/data/sales/good.csv --key sales/S001/2025-03-05.csv", "sluice down")
