"""Reads what pages are made of, and writes them: the ledger and the work bucket."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.s3 import get_json
from sluice.ledger.history import RunHistory
from sluice.manifest import StagedFile


@dataclass(frozen=True)
class PageWriter:
    """The ledger and the bucket from which pages are made, and to which they are written."""

    s3: Any
    work_bucket: str
    history: RunHistory

    def document(self, key: str) -> dict[str, Any]:
        """Return a JSON document, or {} when there is none (any more)."""
        try:
            found: dict[str, Any] = get_json(self.s3, self.work_bucket, key)
        except self.s3.exceptions.NoSuchKey:
            return {}
        return found

    @contextmanager
    def fetched(self, files: Sequence[StagedFile]) -> Iterator[list[Path]]:
        """Have files of the work bucket on the disk; their paths are keys."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{number}.parquet" for number in range(len(files))]
            for file, path in zip(files, paths, strict=True):
                self.s3.download_file(self.work_bucket, file.path, str(path))
            yield paths

    def is_there(self, key: str) -> bool:
        return bool(self._etag(key))

    def unchanged(self, key: str) -> dict[str, str]:
        """Return the condition that the object of a key has not changed since now."""
        etag = self._etag(key)
        return {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}

    def put(self, key: str, text: str, *, kind: str = "text/html", **condition: str) -> bool:
        """Write a page; False when its condition does not hold."""
        content = {"Body": text.encode(), "ContentType": f"{kind}; charset=utf-8"}
        try:
            self.s3.put_object(Bucket=self.work_bucket, Key=key, **content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            return False
        return True

    def _etag(self, key: str) -> str:
        """Return the entity tag of an object, "" when there is none."""
        try:
            return str(self.s3.head_object(Bucket=self.work_bucket, Key=key)["ETag"])
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            return ""
