"""Files that can be run in a batch: of a folder, of a bucket, or published ones."""

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

_COPY_OF = "sluice-copy-of"
"""Object metadata: the original of a copy, so that it is not copied twice."""
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
    source = ObjectVersion(stack.raw, key, "", "", 0)
    origin = f"replay:{version_id}"[:256]
    now = _readable(s3.head_object(Bucket=stack.raw, Key=key), key)
    if now["Metadata"].get(_COPY_OF) == origin:
        entry = stack.ledger.entry(ObjectVersion(stack.raw, key, now["VersionId"], "", 0))
        if entry.get("status", "RECEIVED") == "RECEIVED":
            return str(now["VersionId"])
    _readable(s3.head_object(Bucket=stack.raw, Key=key, VersionId=version_id), key)
    tags = upload.batch_tags(source, origin)
    metadata = {SHA256: now["Metadata"][SHA256]} if SHA256 in now["Metadata"] and now["VersionId"] == version_id else {}
    return _copy(
        stack, {"Bucket": stack.raw, "Key": key, "VersionId": version_id}, key, metadata | {_COPY_OF: origin}, tags
    )


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
    head = _head(stack, key)
    if head and head["Metadata"].get(SHA256) == upload.digest(path):
        return str(head["VersionId"])
    tags = upload.batch_tags(ObjectVersion(stack.raw, key, "", "", 0), "backfill")
    return upload.upload(stack, path, key, tags=tags)


def _present(stack: Stack, key: str) -> str:
    now = stack.client("s3").head_object(Bucket=stack.raw, Key=key)
    return str(_readable(now, key)["VersionId"])


def _copied(stack: Stack, bucket: str, item: dict[str, Any]) -> str:
    """Copy an object of another bucket into the raw bucket unless it was copied before."""
    key, etag = item["Key"], item["ETag"].strip('"')
    origin = f"s3://{bucket}/{key}@{etag}"
    head = _head(stack, key)
    if head and head["Metadata"].get(_COPY_OF) == upload.digest_of_text(origin):
        return str(head["VersionId"])
    if item.get("StorageClass") in _COLD:
        raise Archived(f"s3://{bucket}/{key} is in {item['StorageClass']}: restore it, then repeat the command")
    tags = upload.batch_tags(ObjectVersion(stack.raw, key, "", "", 0), "backfill")
    return _copy(stack, {"Bucket": bucket, "Key": key}, key, {_COPY_OF: upload.digest_of_text(origin)}, tags)


def _copy(stack: Stack, of: dict[str, str], key: str, metadata: dict[str, str], tags: dict[str, str]) -> str:
    s3 = stack.client("s3")
    extra: dict[str, Any] = {
        "Metadata": metadata,
        "MetadataDirective": "REPLACE",
        "Tagging": urlencode(tags),
        "TaggingDirective": "REPLACE",
    }
    if s3.head_object(**of)["ContentLength"] <= _COPY_BYTES:
        return str(s3.copy_object(Bucket=stack.raw, Key=key, CopySource=of, **extra)["VersionId"])
    s3.copy(of, stack.raw, key, ExtraArgs=extra)
    return str(s3.head_object(Bucket=stack.raw, Key=key)["VersionId"])


def _head(stack: Stack, key: str) -> dict[str, Any] | None:
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
        raise Archived(f"{key} is in {head['StorageClass']}: restore it, then repeat the command")
    return head
