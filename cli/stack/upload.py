"""Uploads files into the raw bucket under keys of a dataset's naming convention."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

from boto3.s3.transfer import TransferConfig

from cli.stack.connection import Stack
from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.errors import SluiceError, UnknownKey

UPLOAD = "sluice-upload"
"""Object metadata: a random text by which a writer recognises its own version."""
_PART_BYTES = 64 << 20
"""Up to this size a file is uploaded by one request, which returns the version id; larger ones in such parts."""


class ConcurrentUpload(SluiceError):
    """The same key was written by another client at the same time."""


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
    origin: str = "",
    hold: bool = False,
    only_over: str | None = None,
) -> str:
    """Upload a file and return its version id.

    origin, hold: what the ledger notes of it (Ledger.note_put). only_over: ETag of the only object that it may replace.
    Raises ConcurrentUpload when another client wrote the key meanwhile.
    """
    version = _put(stack, path, key, only_over)
    if origin:
        stack.ledger.note_put(ObjectVersion(stack.raw, key, version, "", 0), origin=origin, hold=hold)
    return version


def _put(stack: Stack, path: Path, key: str, only_over: str | None) -> str:
    s3, token = stack.client("s3"), uuid4().hex
    extra: dict[str, Any] = {"ChecksumAlgorithm": "SHA256", "Metadata": {UPLOAD: token}}
    if path.stat().st_size <= _PART_BYTES or only_over:
        with path.open("rb") as body:
            condition = {"IfMatch": only_over} if only_over else {}
            try:
                answer = s3.put_object(Bucket=stack.raw, Key=key, Body=body, **extra, **condition)
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise
                raise ConcurrentUpload(f"s3://{stack.raw}/{key} was written by another client meanwhile") from error
        return str(answer["VersionId"])
    parts = TransferConfig(multipart_chunksize=_PART_BYTES)
    s3.upload_file(str(path), stack.raw, key, ExtraArgs=extra, Config=parts)
    return version_with(stack, key, token)


def version_with(stack: Stack, key: str, token: str) -> str:
    """Return the id of the key's latest version, which has this token. Raises ConcurrentUpload when it has another."""
    answer = stack.client("s3").head_object(Bucket=stack.raw, Key=key)
    if answer["Metadata"].get(UPLOAD) != token:
        raise ConcurrentUpload(f"s3://{stack.raw}/{key} was written by another client meanwhile")
    return str(answer["VersionId"])


def has_content_of(head: dict[str, Any], path: Path) -> bool:
    """Return whether a version has the file's content. head: HeadObject's answer with ChecksumMode ENABLED.

    Only S3's own checksum is believed. One of parts may be followed by their number: `…=-3`.
    """
    return bool(head.get("ChecksumSHA256", "").partition("-")[0] == checksum(path))


def head(stack: Stack, key: str) -> dict[str, Any] | None:
    """Return what S3 knows of the key's latest version, with the checksum that S3 itself has verified, or None."""
    s3 = stack.client("s3")
    try:
        found: dict[str, Any] = s3.head_object(Bucket=stack.raw, Key=key, ChecksumMode="ENABLED")
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return None
    return found


def checksum(path: Path) -> str:
    """Return the SHA-256 (base64) that S3 has of the file once `upload` has put it: of several parts, of their digests.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    with path.open("rb") as file:
        digests = [hashlib.sha256(part).digest() for part in iter(lambda: file.read(_PART_BYTES), b"")]
    joined = b"".join(digests)
    return b64encode(joined if len(digests) == 1 else hashlib.sha256(joined).digest()).decode()
