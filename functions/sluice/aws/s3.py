"""Reads and writes of S3: JSON documents, and uploaded files as streams that resume after a broken connection."""

import io
import json
import time
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError
from botocore.exceptions import ConnectionError as BotoConnectionError

from sluice.errors import ObjectGone

CLIENT_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=60)

_BROKEN = (BotoConnectionError, HTTPClientError, IncompleteReadError, ResponseStreamingError, OSError)
_CONFLICT_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds."""
_MAX_RESUMES = 5
"""Broken connections in a row, without one byte between them, after which reading gives up."""


def get_json(s3: Any, bucket: str, key: str) -> Any:
    """Return the parsed document. Raises the client's NoSuchKey when there is none."""
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def put_json(s3: Any, bucket: str, key: str, document: Any, **how: str) -> None:
    """Write a document. how: PutObject's other parameters, such as IfNoneMatch."""
    body = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **how)


def created(write: Callable[[], Any]) -> bool:
    """Do a write with IfNoneMatch="*"; False when the key has an object.

    S3 refuses such a write with 409 while another one of the key is on its way, and says to repeat it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    for pause in (*_CONFLICT_PAUSES, None):
        try:
            write()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "PreconditionFailed":
                return False
            if code != "ConditionalRequestConflict" or pause is None:
                raise
            time.sleep(pause)
        else:
            return True
    raise AssertionError("the last pause is None, which raises")


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
