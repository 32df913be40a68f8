"""Iceberg tables of a stack, and the snapshot that was current at a time or has a tag."""

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cli.stack.connection import Stack
from sluice.errors import SluiceError
from sluice.publish.iceberg import catalog
from sluice.publish.iceberg.file_io import S3FileIO
from sluice.publish.lake import Catalog

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotAsOf(SluiceError):
    """A table cannot be read as of a time or a tag; the message says why, and what to do."""


def open_table(stack: Stack, name: str, database: str | None = None) -> Any:
    """Return an Iceberg table, to be read and committed to once. Raises NotAsOf for what is none."""
    catalog_ = Catalog(stack.client("glue"), database or stack.output("DatabaseName"))
    try:
        found = catalog_.glue.get_table(DatabaseName=catalog_.database, Name=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        raise NotAsOf(f"there is no table {name} in {catalog_.database}") from error
    if found.get("TableType") == "VIRTUAL_VIEW":
        raise NotAsOf(f"{name} is a view, which has no snapshots: query its table instead")
    if found.get("Parameters", {}).get("table_type", "").upper() != "ICEBERG":
        raise NotAsOf(
            f"{name} is a Parquet table, which only has its current rows. Iceberg tables keep snapshots: "
            'table="iceberg" in a contract'
        )
    return catalog.load(catalog_, name, S3FileIO(stack.client("s3")))


def snapshot_at(table: Any, when: datetime) -> Any:
    """Return the snapshot that was current at a time. Raises NotAsOf when the metadata do not say which.

    Expired snapshots leave gaps in the log: what was current in a gap is not known. A snapshot follows directly on its
    parent, so the one that was current at a time has the next entry of the log as child, or is the current one.
    """
    name, asked = _name(table), _milliseconds(when)
    if when > datetime.now(UTC):
        raise NotAsOf(f"{text_of(when)} is in the future, and {name} may change until then: use a time in the past")
    snapshots = {each.snapshot_id: each for each in table.metadata.snapshots}
    log = table.metadata.snapshot_log
    if not log:
        raise NotAsOf(f"{name} has no snapshot yet: nothing was published")
    before = [entry for entry in log if entry.timestamp_ms <= asked]
    after = log[len(before)] if len(before) < len(log) else None
    parent = snapshots[after.snapshot_id].parent_snapshot_id if after else before[-1].snapshot_id
    if not before and snapshots[log[0].snapshot_id].sequence_number == 1:  # the first commit of a table
        raise NotAsOf(
            f"{name} has no snapshot at {text_of(when)}: its first is of {_time(log[0].timestamp_ms)}. "
            "Use that time or a later one"
        )
    if not before or parent != before[-1].snapshot_id:
        raise NotAsOf(
            f"the snapshot of {name} at {text_of(when)} has expired. Complete from {_time(_complete_from(table))} on; "
            f"tags, which do not expire: {_tags(table)}"
        )
    return snapshots[before[-1].snapshot_id]


def snapshot_of_tag(table: Any, tag: str) -> Any:
    """Return the snapshot with a tag. Raises NotAsOf."""
    ref = table.metadata.refs.get(tag)
    if ref is None or ref.snapshot_ref_type.value != "tag":
        raise NotAsOf(
            f"{_name(table)} has no tag {tag!r}; its tags: {_tags(table)}. "
            "A time is 36h, 7d, 4w, 2025-03-01 or 2025-03-01T12:00 (UTC)"
        )
    return table.metadata.snapshot_by_id(ref.snapshot_id)


def text_of(when: datetime) -> str:
    """Return a time to the millisecond, as Athena reads it."""
    return when.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")


def committed_at(snapshot: Any) -> str:
    """Return the time of a snapshot."""
    return _time(snapshot.timestamp_ms)


def _complete_from(table: Any) -> int:
    """The time from which on every snapshot is there, in milliseconds."""
    log = table.metadata.snapshot_log
    parents = {each.snapshot_id: each.parent_snapshot_id for each in table.metadata.snapshots}
    first = log[-1]
    for entry in reversed(log[:-1]):
        if parents[first.snapshot_id] != entry.snapshot_id:
            break
        first = entry
    return int(first.timestamp_ms)


def _tags(table: Any) -> str:
    tags = sorted(name for name, ref in table.metadata.refs.items() if ref.snapshot_ref_type.value == "tag")
    return ", ".join(tags) or "none"


def _name(table: Any) -> str:
    return str(table.name()[-1])


def _milliseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(milliseconds=1)


def _time(milliseconds: int) -> str:
    return text_of(datetime.fromtimestamp(milliseconds / 1000, UTC))
