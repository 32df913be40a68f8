"""pyiceberg's reads of S3 with the permissions of the caller.

No patch of its own: `iceberg/table` uses it.
"""

import io
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import s3 as object_store
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile

from local.emulator.athena.files import BadData


class ObjectInput(InputFile):
    """An object that is read whole."""

    def __init__(self, location: str, s3: Any) -> None:
        super().__init__(location)
        self._s3 = s3
        self._bucket, self._key = bucket_and_key(location)

    def __len__(self) -> int:
        return int(self._s3.head_object(Bucket=self._bucket, Key=self._key)["ContentLength"])

    def exists(self) -> bool:
        return etag_of(self._bucket, self._key) is not None

    def open(self, seekable: bool = True) -> InputStream:
        try:
            return io.BytesIO(self._s3.get_object(Bucket=self._bucket, Key=self._key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            # So Athena reports a manifest that is gone (apache/iceberg #10560).
            raise BadData("GENERIC_INTERNAL_ERROR", f"{error} ({self.location})") from error


class ObjectIO(FileIO):
    """Reads only: a query writes and deletes nothing."""

    def __init__(self, s3: Any) -> None:
        super().__init__()
        self._s3 = s3

    def new_input(self, location: str) -> InputFile:
        return ObjectInput(location, self._s3)

    def new_output(self, location: str) -> OutputFile:
        raise PermissionError(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise PermissionError(location)


def bucket_and_key(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def etag_of(bucket: str, key: str) -> str | None:
    """The ETag of an object, or None if there is none.

    Looked up inside the emulator: a query requests no object that the cache holds, and has no permission to list.
    """
    found = (object_store._buckets.get(bucket) or {}).get("objects", {}).get(key)
    return None if found is None else str(found["etag"])
