"""`sluice retract`: take the rows of a file out of the table, and tell the ledger."""

import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.repair.csv_scanner import CsvScanner
from cli.stack import upload
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.follow import Upload, bad, follow, outcome
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import S3Source
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.errors import SluiceError
from sluice.ingest import batch_hold
from sluice.ledger.ledger import CLEANING, RECEIVED


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
        output.fail(f"nothing of {name} is published", code=1)
    entry = where.ledger.entry(ObjectVersion(where.raw, name, str(published), "", 0))
    if int(entry["rows"]) == 0:
        output.print_json([]) if as_json else output.out.print(f"{name} has no rows in the table already")
        return
    if not yes:
        told = f"{entry['published']:,} published and {entry['quarantined']:,} quarantined rows"
        typer.confirm(f"Take {told} of {name} out of the table?", abort=True, err=True)
    version = _emptied(where, source, str(published))
    entries = follow(where, [Upload(source.uri, version)], quiet=as_json)
    if as_json:
        output.print_json(entries)
    else:
        outcome(where, entries)
        output.out.print("to bring them back:", style="dim")
        output.hint(f"sluice replay --source {name} --version {published}")
    raise typer.Exit(1 if bad(entries) else 0)


def _emptied(stack: Stack, source: ObjectVersion, published: str) -> str:
    """Upload the file's own header as its latest version; return the version's id. Raises OnItsWay."""
    s3 = stack.client("s3")
    now = s3.head_object(Bucket=source.bucket, Key=source.key)
    current = ObjectVersion(source.bucket, source.key, now["VersionId"], "", 0)
    if now["VersionId"] != published and stack.ledger.entry(current).get("status", RECEIVED) in (RECEIVED, CLEANING):
        raise OnItsWay("a newer version of the file is on its way: wait for it")
    contract = registry.load(registry.match(source.key).dataset)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "header"
        with S3Source(s3, source.bucket, source.key, published).open() as stream:
            file.write_bytes(_without_rows(contract, stream))
        labels = {batch_hold.ORIGIN: f"retract:{published}"[:256]}
        return upload.upload(stack, file, source.key, tags=labels, only_over=now["ETag"])


def _without_rows(contract: Contract, stream: BinaryIO) -> bytes:
    """Return the file's own header. JSON Lines have none, but a file without a byte is refused."""
    if contract.reads_objects:
        return b"\n"
    walk = CsvScanner(stream, contract.reading.format)
    header = next(record for record in walk if record.number == 0)
    return walk.mark + header.raw + (header.ending or b"\n")
