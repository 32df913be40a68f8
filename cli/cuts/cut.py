"""Training cuts: the rows of an Iceberg table as of a time, split into training and test, as Parquet that stays."""

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.cuts import parts, rows
from cli.cuts.parts import PartFile
from cli.cuts.split import TEST, TRAIN, Split, known_key, time_column
from cli.stack.connection import Stack
from cli.stack.snapshots import committed_at, open_table, snapshot_at
from sluice.aws.s3 import created, get_json, put_json
from sluice.errors import SluiceError
from sluice.publish.iceberg.table import retry

_CONTRACT = "sluice.contract-version"


class CutDiffers(SluiceError):
    """A cut of this name was asked for otherwise, or has other bytes."""


class CutEmpty(SluiceError):
    """A cut would have no training or no test rows."""


class NoCut(SluiceError):
    """There is no cut of this name."""


@dataclass(frozen=True)
class Cut:
    """manifest: the cut's manifest.json. again: it was there already, with these bytes."""

    manifest: dict[str, Any]
    again: bool


def prefix_of(name: str) -> str:
    """The objects of a cut (lake bucket)."""
    return f"cuts/{name}/"


def tag_of(name: str) -> str:
    """The tag of the snapshot that a cut is of."""
    return f"cut-{name}"


def make(stack: Stack, name: str, dataset: str, *, known_at: datetime, asked: Mapping[str, Any]) -> Cut:
    """Write a cut into the lake and tag its snapshot, or do it again and compare.

    asked: Split's arguments; `time` may be None. The first object that is written says what the name stands for, the
    last is the manifest; a cut that was interrupted is completed by the same command. Nothing is written for a cut
    that is refused.

    Raises NotAsOf for a table that cannot be read as of the time; NoTimeColumn; KeyUnknown; CutEmpty; CutDiffers when
    the name stands for another cut, or the bytes are not those of the manifest.
    """
    before = _document(stack, name, "cut.json")
    if before:
        _agree(name, before, {"dataset": dataset})
    table = open_table(stack, dataset)
    snapshot = _snapshot(table, before) if before else snapshot_at(table, known_at)
    columns = rows.columns_of(table, snapshot)
    time, key = time_column(columns, asked["time"]), known_key(columns, asked["key"])
    split = Split(**{**asked, "time": time, "key": key})
    wanted = _wanted(name, dataset, known_at, split, table, snapshot)
    if before:
        _agree(name, before, wanted)
        wanted = before
    with tempfile.TemporaryDirectory() as folder:
        files, manifest = _written(stack, table, snapshot, split, wanted, Path(folder))
        _tag(stack, name, dataset, snapshot.snapshot_id)
        _claim(stack, name, wanted)
        there = _document(stack, name, "manifest.json")
        if there is not None and there != manifest:
            raise CutDiffers(_otherwise(name, there, manifest))
        for part, written in files.items():
            for file in written:
                _upload(stack, f"{prefix_of(name)}{part}/{file.path.name}", file)
            listed = [{"prefix": manifest[part]["prefix"]}, *(file.path.name for file in written)]
            _create(stack, f"{prefix_of(name)}sagemaker-{part}.json", listed)
        _create(stack, f"{prefix_of(name)}manifest.json", manifest)
    return Cut(manifest, there is not None)


def remove(stack: Stack, name: str) -> str:
    """Delete a cut's objects and the tag, so that its snapshot may expire; return its dataset. Raises NoCut."""
    before = _document(stack, name, "cut.json")
    if before is None:
        raise NoCut(f"there is no cut {name} in s3://{stack.lake}/cuts/")

    def untag(_: int) -> None:
        table = open_table(stack, before["dataset"])
        if tag_of(name) in table.metadata.refs:
            with table.manage_snapshots() as snapshots:
                snapshots.remove_tag(tag_of(name))

    retry(before["dataset"], untag)
    s3 = stack.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stack.lake, Prefix=prefix_of(name))
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    claim = f"{prefix_of(name)}cut.json"
    for key in [*(key for key in keys if key != claim), claim]:  # last, so that an interrupted removal can go on
        s3.delete_object(Bucket=stack.lake, Key=key)
    return str(before["dataset"])


def _document(stack: Stack, name: str, file: str) -> dict[str, Any] | None:
    try:
        return dict(get_json(stack.client("s3"), stack.lake, prefix_of(name) + file))
    except stack.client("s3").exceptions.NoSuchKey:
        return None


def _snapshot(table: Any, before: Mapping[str, Any]) -> Any:
    snapshot = table.metadata.snapshot_by_id(before["snapshot_id"])
    if snapshot is None:
        raise CutDiffers(
            f"the snapshot {before['snapshot_id']} of the cut {before['name']} is gone: its tag was removed. "
            "The files of the cut stay; it cannot be made again"
        )
    return snapshot


def _wanted(name: str, dataset: str, known_at: datetime, split: Split, table: Any, snapshot: Any) -> dict[str, Any]:
    times = {"known_at": known_at, "train_until": split.train_until, "test_from": split.test_from}
    return {
        "name": name,
        "dataset": dataset,
        **{field: time.astimezone(UTC).isoformat() for field, time in times.items()},
        "gap_seconds": int(split.gap.total_seconds()),
        "key": split.key,
        "time": split.time,
        "snapshot_id": snapshot.snapshot_id,
        "committed_at": committed_at(snapshot),
        "contract_version": _contract_version(table, snapshot),
    }


def _contract_version(table: Any, snapshot: Any) -> int | None:
    """The contract version of the latest commit of rows up to a snapshot; None when its snapshot has expired."""
    while snapshot is not None:
        found = snapshot.summary.additional_properties.get(_CONTRACT)
        if found is not None:
            return int(found)
        snapshot = table.metadata.snapshot_by_id(snapshot.parent_snapshot_id)
    return None


def _agree(name: str, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise CutDiffers unless a name stands for the wanted cut."""
    found = ("contract_version", "committed_at", "snapshot_id")  # by the snapshot, which is that of before
    other = [field for field in wanted if field not in found and before.get(field) != wanted[field]]
    if other:
        said = "; ".join(f"{field} is {before.get(field)}, not {wanted[field]}" for field in other)
        raise CutDiffers(f"there is another cut {name}: {said}. Choose another name, or remove it: --remove")


def _written(
    stack: Stack, table: Any, snapshot: Any, split: Split, wanted: Mapping[str, Any], folder: Path
) -> tuple[dict[str, list[PartFile]], dict[str, Any]]:
    """Write the parts' files; return them and the manifest. Raises CutEmpty."""
    connection = rows.database(folder)
    total = rows.read(connection, stack.client("s3"), table, snapshot, folder)
    sources = parts.account(connection, split)
    counts: Counter[str] = sum((Counter(each) for each in sources.values()), Counter())
    left_out = {part: count for part, count in sorted(counts.items()) if part not in (TRAIN, TEST)}
    empty = [part for part in (TRAIN, TEST) if not counts[part]]
    if empty:
        raise CutEmpty(
            f"{' and '.join(empty)} would have no rows: of {total:,} rows known at that time {counts[TRAIN]:,} are for "
            f"training, {counts[TEST]:,} for the test, left out {sum(left_out.values()):,} "
            f"({', '.join(f'{reason} {count:,}' for reason, count in left_out.items())}). Choose other times"
        )
    columns = rows.columns_of(table, snapshot)
    files = {part: parts.write(connection, split, part, folder / part) for part in (TRAIN, TEST)}
    listed = {part: _listed(stack, str(wanted["name"]), part, written) for part, written in files.items()}
    manifest = {
        **wanted,
        "tag": tag_of(str(wanted["name"])),
        "rows": {"known": total, **{part: counts[part] for part in (TRAIN, TEST)}, "left_out": left_out},
        **listed,
        "columns": parts.statistics(connection, split, columns),
        "sources": sources,
        "writer": {"pyarrow": version("pyarrow")},
    }
    connection.close()
    return files, manifest


def _listed(stack: Stack, name: str, part: str, files: list[PartFile]) -> dict[str, Any]:
    described = [
        {"name": file.path.name, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256} for file in files
    ]
    return {"prefix": f"s3://{stack.lake}/{prefix_of(name)}{part}/", "files": described}


def _claim(stack: Stack, name: str, wanted: dict[str, Any]) -> None:
    """Write what a name stands for. Raises CutDiffers when another cut of the name was faster."""
    if not _create(stack, f"{prefix_of(name)}cut.json", wanted):
        there = _document(stack, name, "cut.json")
        if there != wanted:
            raise CutDiffers(f"another cut {name} was made at the same time: {there}. Choose another name")


def _create(stack: Stack, key: str, document: Any) -> bool:
    return created(lambda: put_json(stack.client("s3"), stack.lake, key, document, IfNoneMatch="*"))


def _tag(stack: Stack, name: str, dataset: str, snapshot_id: int) -> None:
    """Tag the snapshot, so that it never expires. Raises CutDiffers when the tag is another snapshot's."""

    def commit(_: int) -> None:
        table = open_table(stack, dataset)
        ref = table.metadata.refs.get(tag_of(name))
        if ref is None:
            with table.manage_snapshots() as snapshots:
                snapshots.create_tag(snapshot_id, tag_of(name))
        elif ref.snapshot_id != snapshot_id:
            raise CutDiffers(f"the tag {tag_of(name)} of {dataset} is that of another snapshot: choose another name")

    retry(dataset, commit)


def _upload(stack: Stack, key: str, file: PartFile) -> None:
    """Upload a file unless it is there."""
    s3, digest = stack.client("s3"), {"sha256": file.sha256}
    try:
        there = s3.head_object(Bucket=stack.lake, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
    else:
        if there["Metadata"] == digest and there["ContentLength"] == file.bytes:
            return
    s3.upload_file(str(file.path), stack.lake, key, ExtraArgs={"Metadata": digest})


def _otherwise(name: str, there: dict[str, Any], manifest: dict[str, Any]) -> str:
    other = [field for field in manifest if there.get(field) != manifest[field]]
    if "writer" in other:
        return (
            f"the cut {name} was written by {json.dumps(there['writer'])}, which writes other bytes than "
            f"{json.dumps(manifest['writer'])}: install the packages of uv.lock of that time to make it again"
        )
    return f"the cut {name} is not what its manifest says: {', '.join(other)} differ. Its files are left as they are"
