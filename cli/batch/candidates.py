"""What can be run with others: files of a folder, objects of a bucket, what is published already."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cli.batch.runner import Candidate
from cli.stack import upload
from cli.stack.connection import Stack
from cli.stack.upload import SHA256
from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.errors import SluiceError, UnknownKey
from sluice.ingest import batch_hold

_COPY_OF = "sluice-copy-of"
"""Object metadata: of which object it is a copy, so that it is not copied twice."""
_COPY_BYTES = 5 << 30
"""What one CopyObject takes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_COLD = ("GLACIER", "DEEP_ARCHIVE")


class Archived(SluiceError):
    """An object must be restored before it can be read."""


@dataclass
class Found:
    """The candidates of a place, and the keys there that follow no dataset's naming convention."""

    candidates: list[Candidate]
    strange: list[str]


def of_folder(stack: Stack, folder: Path, prefix: str, dataset: str | None) -> Found:
    """Return the files of a folder, under the keys that their paths give them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    found = Found([], [])
    for path in files:
        try:
            key = upload.key_of(path, prefix)
        except UnknownKey:
            found.strange.append(str(path.relative_to(folder)))
            continue
        _add(found, key, dataset, lambda path=path, key=key: _uploaded(stack, path, key))
    return found


def of_bucket(stack: Stack, bucket: str, prefix: str, dataset: str | None) -> Found:
    """Return the objects of a bucket: those of the raw bucket as they are, others by a copy into it."""
    found = Found([], [])
    here = bucket == stack.raw
    for thing in _objects(stack, bucket, prefix):
        key = thing["Key"]
        try:
            registry.match(key)
        except UnknownKey:
            found.strange.append(key)
            continue
        put = (lambda key=key: _present(stack, key)) if here else (lambda thing=thing: _copied(stack, bucket, thing))
        _add(found, key, dataset, put, announce=here)
    return found


def again(stack: Stack, key: str, version_id: str) -> str:
    """Put a version of a key again as the key's latest one, to be run with others; return the new version's id.

    One that was put before and still waits is taken instead.
    """
    s3 = stack.client("s3")
    source = ObjectVersion(stack.raw, key, "", "", 0)
    origin = f"replay:{version_id}"[:256]
    now = _readable(s3.head_object(Bucket=stack.raw, Key=key), key)
    if now["Metadata"].get(_COPY_OF) == origin:
        entry = stack.ledger.entry(ObjectVersion(stack.raw, key, now["VersionId"], "", 0))
        if entry.get("status", "RECEIVED") == "RECEIVED":
            return str(now["VersionId"])
    _readable(s3.head_object(Bucket=stack.raw, Key=key, VersionId=version_id), key)
    labels = batch_hold.tag(source.hash, now=time.time()) | {batch_hold.ORIGIN: origin}
    kept = {SHA256: now["Metadata"][SHA256]} if SHA256 in now["Metadata"] and now["VersionId"] == version_id else {}
    return _copy(
        stack, {"Bucket": stack.raw, "Key": key, "VersionId": version_id}, key, kept | {_COPY_OF: origin}, labels
    )


def _add(found: Found, key: str, dataset: str | None, put: Any, *, announce: bool = False) -> None:
    of = registry.match(key).dataset
    if dataset in (None, of):
        found.candidates.append(Candidate(key, of, put, announce))


def _objects(stack: Stack, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    pages = stack.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        yield from (thing for thing in page.get("Contents", []) if not thing["Key"].endswith("/"))


def _uploaded(stack: Stack, path: Path, key: str) -> str:
    """Upload a file unless the key holds these very bytes."""
    there = _there(stack, key)
    if there and there["Metadata"].get(SHA256) == upload.digest(path):
        return str(there["VersionId"])
    labels = batch_hold.tag(ObjectVersion(stack.raw, key, "", "", 0).hash, now=time.time()) | {
        batch_hold.ORIGIN: "backfill"
    }
    return upload.upload(stack, path, key, tags=labels)


def _present(stack: Stack, key: str) -> str:
    now = stack.client("s3").head_object(Bucket=stack.raw, Key=key)
    return str(_readable(now, key)["VersionId"])


def _copied(stack: Stack, bucket: str, thing: dict[str, Any]) -> str:
    """Copy an object of another bucket into the raw bucket unless it is there."""
    key, etag = thing["Key"], thing["ETag"].strip('"')
    origin = f"s3://{bucket}/{key}@{etag}"
    there = _there(stack, key)
    if there and there["Metadata"].get(_COPY_OF) == upload.named(origin):
        return str(there["VersionId"])
    if thing.get("StorageClass") in _COLD:
        raise Archived(f"s3://{bucket}/{key} is in {thing['StorageClass']}: restore it, then run this again")
    labels = batch_hold.tag(ObjectVersion(stack.raw, key, "", "", 0).hash, now=time.time()) | {
        batch_hold.ORIGIN: "backfill"
    }
    return _copy(stack, {"Bucket": bucket, "Key": key}, key, {_COPY_OF: upload.named(origin)}, labels)


def _copy(stack: Stack, of: dict[str, str], key: str, metadata: dict[str, str], labels: dict[str, str]) -> str:
    s3 = stack.client("s3")
    extra: dict[str, Any] = {
        "Metadata": metadata,
        "MetadataDirective": "REPLACE",
        "Tagging": urlencode(labels),
        "TaggingDirective": "REPLACE",
    }
    if s3.head_object(**of)["ContentLength"] <= _COPY_BYTES:
        return str(s3.copy_object(Bucket=stack.raw, Key=key, CopySource=of, **extra)["VersionId"])
    s3.copy(of, stack.raw, key, ExtraArgs=extra)
    return str(s3.head_object(Bucket=stack.raw, Key=key)["VersionId"])


def _there(stack: Stack, key: str) -> dict[str, Any] | None:
    s3 = stack.client("s3")
    try:
        found: dict[str, Any] = s3.head_object(Bucket=stack.raw, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return None
    return found


def _readable(head: dict[str, Any], key: str) -> dict[str, Any]:
    if head.get("StorageClass") in _COLD and 'ongoing-request="false"' not in head.get("Restore", ""):
        raise Archived(f"{key} is in {head['StorageClass']}: restore it, then run this again")
    return head
