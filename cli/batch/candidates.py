"""Files that can be run in a batch: of a folder, of a bucket, or published ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.batch.runner import Candidate
from cli.stack import upload
from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.errors import SluiceError, UnknownKey
from sluice.ledger.ledger import RECEIVED

_COPY_BYTES = 5 << 30
"""Largest object that one CopyObject copies. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_COLD = ("GLACIER", "DEEP_ARCHIVE")


class Archived(SluiceError):
    """An object must be restored before it can be read."""


@dataclass
class Found:
    """The candidates of a folder or bucket, and the paths or keys that match no dataset."""

    candidates: list[Candidate]
    unmatched: list[str]


def in_folder(stack: Stack, folder: Path, prefix: str, dataset: str | None) -> Found:
    """Return the files of a folder, by the keys of their paths."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    found = Found([], [])
    for path in files:
        try:
            key = upload.key_of(path, prefix)
        except UnknownKey:
            found.unmatched.append(str(path.relative_to(folder)))
            continue
        _add(found, key, dataset, lambda path=path, key=key: _uploaded(stack, path, key))
    return found


def in_bucket(stack: Stack, bucket: str, prefix: str, dataset: str | None) -> Found:
    """Return the objects of a bucket: those of the raw bucket as they are, others to be copied into it."""
    found = Found([], [])
    here = bucket == stack.raw
    for item in _objects(stack, bucket, prefix):
        key = item["Key"]
        try:
            registry.match(key)
        except UnknownKey:
            found.unmatched.append(key)
            continue
        put = (lambda key=key: _present(stack, key)) if here else (lambda item=item: _copied(stack, bucket, item))
        _add(found, key, dataset, put, announce=here)
    return found


def put_again(stack: Stack, key: str, version_id: str) -> str:
    """Copy a version of a key as the key's latest version, for a batch; return the new version's id.

    A copy of an interrupted replay that is still RECEIVED is used instead.
    """
    s3 = stack.client("s3")
    origin = f"replay:{version_id}"
    now = _readable(s3.head_object(Bucket=stack.raw, Key=key), key)
    latest = ObjectVersion(stack.raw, key, now["VersionId"], "", 0)
    if _was_put(stack, latest, origin) and stack.ledger.entry(latest).get("status", RECEIVED) == RECEIVED:
        return latest.version_id
    _readable(s3.head_object(Bucket=stack.raw, Key=key, VersionId=version_id), key)
    return _copy(stack, {"Bucket": stack.raw, "Key": key, "VersionId": version_id}, key, origin)


def _add(found: Found, key: str, dataset: str | None, put: Any, *, announce: bool = False) -> None:
    of = registry.match(key).dataset
    if dataset in (None, of):
        found.candidates.append(Candidate(key, of, put, announce))


def _objects(stack: Stack, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from (item for item in page.get("Contents", []) if not item["Key"].endswith("/"))


def _uploaded(stack: Stack, path: Path, key: str) -> str:
    """Upload a file unless the key has this content."""
    head = upload.head(stack, key)
    if head and upload.has_content_of(head, path):
        return str(head["VersionId"])
    return upload.upload(stack, path, key, origin="backfill", hold=True)


def _present(stack: Stack, key: str) -> str:
    now = stack.client("s3").head_object(Bucket=stack.raw, Key=key)
    return str(_readable(now, key)["VersionId"])


def _copied(stack: Stack, bucket: str, item: dict[str, Any]) -> str:
    """Copy an object of another bucket into the raw bucket unless it was copied before."""
    key, etag = item["Key"], item["ETag"].strip('"')
    origin = f"backfill:s3://{bucket}/{key}@{etag}"
    head = upload.head(stack, key)
    if head and _was_put(stack, ObjectVersion(stack.raw, key, head["VersionId"], "", 0), origin):
        return str(head["VersionId"])
    if item.get("StorageClass") in _COLD:
        raise Archived(f"s3://{bucket}/{key} is in {item['StorageClass']}: restore it, then repeat the command")
    return _copy(stack, {"Bucket": bucket, "Key": key}, key, origin)


def _was_put(stack: Stack, version: ObjectVersion, origin: str) -> bool:
    return stack.ledger.put_of(version)[0] == origin


def _copy(stack: Stack, of: dict[str, str], key: str, origin: str) -> str:
    """Copy an object as the key's latest version, for a batch; return the version's id. Raises ConcurrentUpload."""
    s3, token = stack.client("s3"), uuid4().hex
    extra: dict[str, Any] = {
        "Metadata": {upload.UPLOAD: token},
        "MetadataDirective": "REPLACE",
        "TaggingDirective": "REPLACE",
        "ChecksumAlgorithm": "SHA256",
    }
    if s3.head_object(**of)["ContentLength"] <= _COPY_BYTES:
        version = str(s3.copy_object(Bucket=stack.raw, Key=key, CopySource=of, **extra)["VersionId"])
    else:
        s3.copy(of, stack.raw, key, ExtraArgs=extra)
        version = upload.version_with(stack, key, token)
    stack.ledger.note_put(ObjectVersion(stack.raw, key, version, "", 0), origin=origin, hold=True)
    return version


def _readable(head: dict[str, Any], key: str) -> dict[str, Any]:
    if head.get("StorageClass") in _COLD and 'ongoing-request="false"' not in head.get("Restore", ""):
        raise Archived(f"{key} is in {head['StorageClass']}: restore it, then repeat the command")
    return head
