"""`sluice put`: uploads files and follows them to the table."""

from typing import Annotated

import typer

from cli.stack import upload
from cli.stack.connection import Profile, Region, StackName, connect
from cli.stack.follow import Upload, finish
from cli.stack.upload import key_of
from cli.terminal import output
from cli.terminal.options import AsJson, Files, Wait
from sluice.contract import registry
from sluice.errors import UnknownKey


def put(
    files: Files,
    key: Annotated[
        str | None,
        typer.Option(
            help="The object key; by default the longest suffix of the path that matches a dataset's naming convention."
        ),
    ] = None,
    wait: Wait = True,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Upload files into the raw bucket and follow each until it is published, rejected or failed.

    A file that was uploaded before under the same key is replaced, and so are its rows in the table. The old rows are
    removed ReplaceGraceSeconds (30) after the new ones are published, for queries that still read them.

    Exit 0: all published. 1: a file was rejected or failed. 2: wrong usage, or no stack.

    Example: sluice put sales/S001/2025-03-05.csv

    Example: sluice put monday.csv --key sales/S001/2025-03-05.csv --stack sluice-prod
    """
    if key and len(files) > 1:
        raise typer.BadParameter("one key cannot hold several files", param_hint="--key")
    keys = [_checked(key) if key else key_of(file) for file in files]
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
    raise typer.Exit(finish(where, uploads, as_json=as_json))


def _checked(key: str) -> str:
    """Return a key that names an object of the raw bucket and follows a convention. Raises typer.BadParameter."""
    if key.startswith("s3://"):
        raise typer.BadParameter("a key has no s3:// and no bucket: sales/S001/2025-03-05.csv", param_hint="--key")
    try:
        registry.match(key)
    except UnknownKey as error:
        advice = "A new contract takes effect after sluice up, or sam build && sam deploy"
        raise typer.BadParameter(f"{error}. {advice}", param_hint="--key") from None
    return key
