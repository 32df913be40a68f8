"""`sluice retract`: take the rows of a file out of the table, and tell the ledger."""

import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli import show, uploading
from cli.follow import Upload, bad, follow, outcome
from cli.options import AsJson
from cli.stack import Profile, Region, Stack, StackName, connect
from sluice import catalog, waiting
from sluice.contract import Contract
from sluice.errors import SluiceError
from sluice.ledger import CLEANING, RECEIVED
from sluice.objects import ObjectVersion
from sluice.storage import S3Source
from sluice.walking import Walk


class OnItsWay(SluiceError):
    """A newer version of the file is being worked on."""


def retract(
    key: Annotated[str, typer.Argument(help="An object key, or its s3:// address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Take the rows of a file out of the table and out of its quarantine.

    A new version of the file is uploaded that has its header and no row. It goes the way of any upload, so readers
    see all rows or none, Athena is asked whether they are gone, and a failure brings them back. What was retracted
    stays in the raw bucket as an older version, as long as the bucket's lifecycle keeps it, and so do the replaced
    objects of the lake: to erase personal data for good, delete those versions too.

    Exit 0: retracted, or no rows were there. 1: the ledger knows no published version, or it failed. 2: wrong usage.

    Example: sluice retract sales/S001/2025-03-05.csv
    """
    where = connect(stack, profile, region)
    name = where.key(where.uri(key))
    source = ObjectVersion(where.raw, name, "", "", 0)
    published = where.ledger.head(source).get("published_version")
    if not published:
        show.fail(f"nothing of {name} is published", code=1)
    entry = where.ledger.entry(ObjectVersion(where.raw, name, str(published), "", 0))
    if int(entry["rows"]) == 0:
        show.print_json([]) if as_json else show.out.print(f"{name} has no rows in the table already")
        return
    if not yes:
        told = f"{entry['published']:,} published and {entry['quarantined']:,} quarantined rows"
        typer.confirm(f"Take {told} of {name} out of the table?", abort=True, err=True)
    version = _emptied(where, source, str(published))
    entries = follow(where, [Upload(source.uri, version)], quiet=as_json)
    if as_json:
        show.print_json(entries)
    else:
        outcome(where, entries)
        show.out.print("to bring them back:", style="dim")
        show.hint(f"sluice replay --source {name} --version {published}")
    raise typer.Exit(1 if bad(entries) else 0)


def _emptied(stack: Stack, source: ObjectVersion, published: str) -> str:
    """Upload the file's own header as its newest version; return the version's id. Raises OnItsWay."""
    s3 = stack.client("s3")
    now = s3.head_object(Bucket=source.bucket, Key=source.key)
    current = ObjectVersion(source.bucket, source.key, now["VersionId"], "", 0)
    if now["VersionId"] != published and stack.ledger.entry(current).get("status", RECEIVED) in (RECEIVED, CLEANING):
        raise OnItsWay("a newer version of the file is on its way: wait for it")
    contract = catalog.load(catalog.match(source.key).dataset)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "header"
        with S3Source(s3, source.bucket, source.key, published).open() as stream:
            file.write_bytes(_without_rows(contract, stream))
        labels = {waiting.ORIGIN: f"retract:{published}"[:256]}
        return uploading.upload(stack, file, source.key, tags=labels, only_over=now["ETag"])


def _without_rows(contract: Contract, stream: BinaryIO) -> bytes:
    """Return the file's own header. JSON Lines have none, but a file without a byte is refused."""
    if contract.reads_objects:
        return b"\n"
    walk = Walk(stream, contract.reading.format)
    header = next(record for record in walk if record.number == 0)
    return walk.mark + header.raw + (header.ending or b"\n")
