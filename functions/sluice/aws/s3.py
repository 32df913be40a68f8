"""Reads and writes of S3: JSON documents, and uploaded files as streams that resume after a broken connection."""

import io
import json
import time
from typing import Any, BinaryIO, cast

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError
from botocore.exceptions import ConnectionError as BotoConnectionError

from sluice.errors import ObjectGone

CLIENT_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=60)

_BROKEN = (BotoConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError, OSError)
_MAX_RESUMES = 5
"""Broken connections in a row, without one byte between them, after which reading gives up."""


def get_json(s3: Any, bucket: str, key: str, *, version_id: str | None = None) -> Any:
    """Return the parsed document. Raises the client's NoSuchKey when there is none."""
    version = {"VersionId": version_id} if version_id else {}
    return json.loads(s3.get_object(Bucket=bucket, Key=key, **version)["Body"].read())


def put_json(s3: Any, bucket: str, key: str, document: Any) -> str:
    """Write a document and return its version id (empty in a bucket without versions)."""
    body = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode()
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return cast(str, answer.get("VersionId", ""))


def gone(error: ClientError, version: dict[str, str]) -> Exception:
    """Return ObjectGone when the error says that an object version does not exist, else the error itself."""
    if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"):
        return error
    return ObjectGone(f"s3://{version['Bucket']}/{version['Key']} has no version {version.get('VersionId')} any more")


class S3Source:
    """A file in S3 for the reader: `open` gives a fresh stream of exactly one object version."""

    def __init__(self, s3: Any, bucket: str, key: str, version_id: str) -> None:
        self.name = f"s3://{bucket}/{key}"
        self._s3 = s3
        self._version = {"Bucket": bucket, "Key": key, "VersionId": version_id}

    def open(self) -> BinaryIO:
        """Return a stream from the first byte. Raises ObjectGone when there is no such version any more."""
        stream = _ResumingStream(self._s3, self._version)
        return cast(BinaryIO, io.BufferedReader(stream, buffer_size=1 << 20))


class _ResumingStream(io.RawIOBase):
    """A GET that resumes where it broke, by a range request of the same version."""

    def __init__(self, s3: Any, version: dict[str, str]) -> None:
        self._s3 = s3
        self._version = version
        self._position = 0
        self._body, self._size = self._get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        for attempt in range(_MAX_RESUMES + 1):
            try:
                if self._body is None:
                    self._body, _ = self._get()
                chunk = self._body.read(len(buffer))
                if not chunk and self._position < self._size:
                    raise OSError(f"the connection ended at byte {self._position} of {self._size}")
                break
            except _BROKEN:
                self._drop()
                if attempt == _MAX_RESUMES:
                    raise
                time.sleep(min(0.1 * 2**attempt, 2))
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._drop()
        super().close()

    def _get(self) -> tuple[Any, int]:
        span = {"Range": f"bytes={self._position}-"} if self._position else {}
        try:
            answer = self._s3.get_object(**self._version, **span)
        except ClientError as error:
            raise gone(error, self._version) from error
        if span and not answer.get("ContentRange", "").startswith(f"bytes {self._position}-"):
            # A store without ranges begins anew, and the first rows would be read twice.
            answer["Body"].close()
            raise OSError(f"s3://{self._version['Bucket']}/{self._version['Key']}: asked to resume at {self._position}")
        return answer["Body"], self._position + answer["ContentLength"]

    def _drop(self) -> None:
        body, self._body = getattr(self, "_body", None), None
        if body is not None:
            body.close()
