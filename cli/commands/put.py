"""`sluice put`: upload files and follow them to the table."""

from pathlib import Path
from typing import Annotated

import typer

from cli.stack import upload
from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.follow import Upload, bad, follow, outcome
from cli.stack.upload import key_of
from cli.terminal import output
from cli.terminal.options import AsJson

Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or JSON Lines, plain, gzip or zstd."),
]


def put(
    files: Files,
    key: Annotated[
        str | None,
        typer.Option(help="The object key; by default the end of the path that a dataset's naming convention knows."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the files until each is decided.")] = True,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Upload files into the raw bucket and follow each until it is published, rejected or failed.

    A file that was uploaded before under the same key is replaced: its rows in the table become the new file's.

    Exit 0: all published. 1: a file was rejected or failed. 2: wrong usage, or nothing to work on.

    Example: sluice put sales/S001/2025-03-05.csv

    Example: sluice put monday.csv --key sales/S001/2025-03-05.csv --stack sluice-prod
    """
    if key and len(files) > 1:
        raise typer.BadParameter("one key cannot hold several files", param_hint="--key")
    keys = [key or key_of(file) for file in files]
    where = connect(stack, profile, region)
    uploads = []
    for file, name in zip(files, keys, strict=True):
        with output.status(f"uploading {name}"):
            uploads.append(Upload(where.uri(name), upload.upload(where, file, name)))
    if not wait:
        if as_json:
            output.print_json([{"source": each.uri, "version": each.version_id} for each in uploads])
        else:
            output.hint(*(f"sluice show {name}" for name in keys))
        return
    entries = follow(where, uploads, quiet=as_json)
    if as_json:
        output.print_json(entries)
    else:
        outcome(where, entries)
    raise typer.Exit(1 if bad(entries) else 0)
