"""`sluice retract`: removes the rows of a file from the table."""

import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.repair.csv_scanner import CsvScanner
from cli.stack import upload
from cli.stack.connection import Profile, Region, Stack, StackName, connect
from cli.stack.follow import Upload, finish
from cli.terminal import output
from cli.terminal.options import AsJson
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import S3Source
from sluice.contract import registry
from sluice.contract.model import Contract
from sluice.errors import SluiceError
from sluice.ledger.ledger import CLEANING, RECEIVED


class NewerVersionPending(SluiceError):
    """A newer version of the file has no final status yet."""


def retract(
    key: Annotated[str, typer.Argument(help="An object key, or its s3:// address.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Remove the rows of a file from the table and from its quarantine.

    A new version of the file with its header and no row is uploaded and published like any upload: consumers see all
    rows or none, Athena counts that they are gone, and a failure restores them. The retracted version stays in the
    raw bucket as an older version, as long as the bucket's lifecycle keeps it, and so do the replaced objects of the
    lake, those of an Iceberg table as long as a snapshot names them: to erase personal data for good, delete all of
    these too.

    Exit 0: retracted, or it had no rows. 1: no version is published, or it failed. 2: wrong usage, or no stack.

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
        rows = f"{entry['published']:,} published and {entry['quarantined']:,} quarantined rows"
        typer.confirm(f"Remove {rows} of {name} from the table?", abort=True, err=True)
    version = _emptied(where, source, str(published))
    code = finish(where, [Upload(source.uri, version)], as_json=as_json)
    if not as_json:
        output.out.print("to restore them:", style="dim")
        output.hint(f"sluice replay --source {name} --version {published}")
    raise typer.Exit(code)


def _emptied(stack: Stack, source: ObjectVersion, published: str) -> str:
    """Upload the file's own header as its latest version; return the version's id. Raises NewerVersionPending."""
    s3 = stack.client("s3")
    now = s3.head_object(Bucket=source.bucket, Key=source.key)
    current = ObjectVersion(source.bucket, source.key, now["VersionId"], "", 0)
    if now["VersionId"] != published and stack.ledger.entry(current).get("status", RECEIVED) in (RECEIVED, CLEANING):
        raise NewerVersionPending("a newer version of the file is being processed: wait for it")
    contract = registry.load(registry.match(source.key).dataset)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "header"
        with S3Source(s3, source.bucket, source.key, published).open() as stream:
            file.write_bytes(_without_rows(contract, stream))
        return upload.upload(stack, file, source.key, origin=f"retract:{published}", only_over=now["ETag"])


def _without_rows(contract: Contract, stream: BinaryIO) -> bytes:
    """Return the file's header; a line end for JSON Lines, since an empty file is refused."""
    if contract.reads_objects:
        return b"\n"
    scanner = CsvScanner(stream, contract.reading.format)
    header = next(record for record in scanner if record.number == 0)
    return scanner.bom + header.raw + (header.ending or b"\n")
