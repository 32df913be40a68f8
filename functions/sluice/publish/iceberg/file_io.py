"""The metadata files of Iceberg tables, read and written through a client of S3: pyiceberg's own ways need pyarrow."""

import io
from typing import Any

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, OutputFile


class S3FileIO(FileIO):
    """Keeps in memory what it reads and writes: no metadata file is ever overwritten, and each is used repeatedly.

    keep: False for who reads the metadata of many snapshots once. reads, writes: how many objects.
    """

    def __init__(self, s3: Any, *, keep: bool = True) -> None:
        super().__init__()
        self.reads = self.writes = 0
        self._s3 = s3
        self._keep = keep
        self._kept: dict[str, bytes] = {}

    def new_input(self, location: str) -> "S3File":
        return S3File(location, self)

    def new_output(self, location: str) -> "S3File":
        return S3File(location, self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete nothing. pyiceberg deletes what it wrote for a commit that was refused, but Glue also refuses the
        repetition of a commit whose answer was lost. Maintenance deletes what no snapshot names.
        """

    def read(self, location: str) -> bytes:
        """Raises FileNotFoundError."""
        if location in self._kept:
            return self._kept[location]
        bucket, key = _address(location)
        try:
            data: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise FileNotFoundError(location) from error
        self.reads += 1
        if self._keep:
            self._kept[location] = data
        return data

    def write(self, location: str, data: bytes) -> None:
        bucket, key = _address(location)
        self._s3.put_object(Bucket=bucket, Key=key, Body=data)
        self._kept[location] = data
        self.writes += 1

    def exists(self, location: str) -> bool:
        bucket, key = _address(location)
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return False
        return True


class S3File(InputFile, OutputFile):
    """An object, read and written as a whole."""

    def __init__(self, location: str, files: S3FileIO) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return len(self._files.read(self.location))

    def exists(self) -> bool:
        return self._files.exists(self.location)

    def open(self, seekable: bool = True) -> io.BytesIO:
        return io.BytesIO(self._files.read(self.location))

    def to_input_file(self) -> "S3File":
        return self

    def create(self, overwrite: bool = False) -> "_Writer":
        """overwrite: without meaning, since names of metadata files hold a UUID."""
        return _Writer(self.location, self._files)


class _Writer(io.BytesIO):
    def __init__(self, location: str, files: S3FileIO) -> None:
        super().__init__()
        self._location = location
        self._files = files

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            # First: what could not be written is not tried again when this object is collected.
            super().close()
            self._files.write(self._location, data)


def _address(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key
