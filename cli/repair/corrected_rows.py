"""Reads a corrected export of quarantined rows, and uploads new versions of its files with those rows."""

import csv
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.batch.runner import Candidate
from cli.repair.export import LINEAGE
from cli.repair.rewrite import CorrectedRow, rewrite
from cli.repair.spreadsheet import encoding_of, unquoted
from cli.stack import upload
from cli.stack.connection import Stack
from cli.stack.history import Entry
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import S3Source
from sluice.contract import registry
from sluice.errors import SluiceError
from sluice.ledger.ledger import CLEANING, RECEIVED
from sluice.read.source import Limits

_NEEDED = ("_source_key", "_version", "_row_number")
_DELIMITERS = ",;\t"
"""Spreadsheets write CSV with the delimiter of their locale."""

Rows = dict[int, CorrectedRow]


class NotAnExport(SluiceError):
    """The file is not an export of quarantined rows."""


class StaleExport(SluiceError):
    """The file has been replaced since its rows were exported: row numbers may have changed."""


class NothingCorrected(SluiceError):
    """No row of the export differs from the file."""


def read(path: Path) -> dict[tuple[str, str], Rows]:
    """Return the corrected rows by (address, version id) of their file. Raises NotAnExport."""
    csv.field_size_limit(Limits().record_bytes)
    found: dict[tuple[str, str], Rows] = {}
    with path.open(encoding=encoding_of(path), errors="replace", newline="") as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(_DELIMITERS, key=first.count)
        lines = csv.DictReader(file, delimiter=delimiter)
        if missing := [name for name in _NEEDED if name not in (lines.fieldnames or [])]:
            raise NotAnExport(f"{path} has no column {missing[0]}: export it with sluice quarantine DATASET --export")
        for line in lines:
            number = _number(line["_row_number"], path, lines.line_num)
            rows = found.setdefault((line["_source_key"], line["_version"]), {})
            if number in rows:
                raise NotAnExport(
                    f"{path}, line {lines.line_num}: row {number} of {line['_source_key']} is there twice"
                )
            cells = {name: unquoted(text or "") for name, text in line.items() if name and name not in LINEAGE}
            rows[number] = CorrectedRow(cells, unquoted(line.get("_raw") or ""))
    return found


def candidates(
    stack: Stack, corrected: Mapping[tuple[str, str], Rows], heads: Mapping[str, Entry]
) -> Iterator[Candidate]:
    """Yield each file with its corrected rows. heads: the head items of the keys in the ledger."""
    for (uri, version), rows in corrected.items():
        key = stack.key(uri)
        published = heads.get(uri, {}).get("published_version")

        def put(key: str = key, version: str = version, published: str | None = published, rows: Rows = rows) -> str:
            return _put(stack, key, version, published, rows)

        yield Candidate(key, registry.match(key).dataset, put)


def _put(stack: Stack, key: str, version: str, published: str | None, rows: Rows) -> str:
    """Upload the published version of a file with its corrected rows; return the new version's id."""
    s3 = stack.client("s3")
    now = s3.head_object(Bucket=stack.raw, Key=key, ChecksumMode="ENABLED")
    source = ObjectVersion(stack.raw, key, now["VersionId"], "", 0)
    contract = registry.load(registry.match(key).dataset)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "corrected"
        result = rewrite(contract, S3Source(s3, stack.raw, key, version), rows, out)
        if not result.changed:
            raise NothingCorrected("no row differs from the file")
        if upload.has_content_of(now, out):
            return source.version_id  # uploaded by an interrupted replay
        if published != version:
            raise StaleExport(f"exported from version {version}, published is {published}: export it again")
        if now["VersionId"] != version and stack.ledger.entry(source).get("status", RECEIVED) in (RECEIVED, CLEANING):
            raise StaleExport("a newer version of the file is being processed: wait for it, then export again")
        return upload.upload(stack, out, key, origin=f"replay:{version}", hold=True, only_over=now["ETag"])


def _number(text: str | None, path: Path, line: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise NotAnExport(f"{path}, line {line}: {text!r} is not a row number") from None
