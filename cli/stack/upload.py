"""Uploads files into the raw bucket under keys of a dataset's naming convention."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.errors import SluiceError, UnknownKey
from sluice.ingest import batch_hold

SHA256 = "sluice-sha256"
"""Object metadata: the hash of the content, so that a file is not uploaded twice."""
_UPLOAD = "sluice-upload"
_SINGLE_BYTES = 64 << 20
"""Up to this size a file is uploaded by one request, which returns the version id."""


class ConcurrentUpload(SluiceError):
    """The same key was written by another client at the same time."""


def batch_tags(source: ObjectVersion, origin: str) -> dict[str, str]:
    """Return the tags of an object that waits for its batch after validation. origin: the command that put it."""
    return batch_hold.tag(source.hash, now=time.time()) | {batch_hold.ORIGIN: origin}


def key_of(path: Path, prefix: str = "") -> str:
    """Return the key of a file: the longest suffix of its path that follows a dataset's naming convention.

    Raises UnknownKey.
    """
    parts = path.absolute().parts[1:]
    tails = (prefix + "/".join(parts[start:]) for start in range(len(parts)))
    for tail in tails:
        try:
            registry.match(tail)
        except UnknownKey:
            continue
        return tail
    known = ", ".join(pattern for contract in registry.contracts().values() for pattern in contract.files)
    raise UnknownKey(f"the path {path} follows no dataset's naming convention ({known}): give its key with --key")


def upload(
    stack: Stack,
    path: Path,
    key: str,
    *,
    tags: dict[str, str] | None = None,
    only_over: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> str:
    """Upload a file and return its version id.

    tags: of the object. only_over: ETag of the only object that it may replace.
    Raises ConcurrentUpload when another client wrote the key meanwhile.
    """
    s3, token = stack.client("s3"), uuid4().hex
    extra: dict[str, Any] = {"Metadata": {SHA256: digest(path), _UPLOAD: token}}
    if tags:
        extra["Tagging"] = urlencode(tags)
    if path.stat().st_size <= _SINGLE_BYTES or only_over:
        with path.open("rb") as body:
            condition = {"IfMatch": only_over} if only_over else {}
            try:
                answer = s3.put_object(Bucket=stack.raw, Key=key, Body=body, **extra, **condition)
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise
                raise ConcurrentUpload(f"s3://{stack.raw}/{key} was written by another client meanwhile") from error
        return str(answer["VersionId"])
    s3.upload_file(str(path), stack.raw, key, ExtraArgs=extra, Callback=progress)
    answer = s3.head_object(Bucket=stack.raw, Key=key)
    if answer["Metadata"].get(_UPLOAD) != token:
        raise ConcurrentUpload(f"s3://{stack.raw}/{key} was written by another client meanwhile")
    return str(answer["VersionId"])


def digest_of_text(text: str) -> str:
    """Return the SHA-256 of a text, hexadecimal; object metadata must be ASCII."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
