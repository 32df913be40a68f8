"""Where an engine of many machines leaves its files: a folder, or a prefix in S3. Names are paths below it."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import boto3

from sluice.aws.s3 import CLIENT_CONFIG


class Folder(Protocol):
    """Can be sent to other machines. Whoever writes a name twice writes the same, so a task may be repeated."""

    def put(self, name: str, write: Callable[[BinaryIO], Any]) -> int:
        """Write a file, whole or not at all, and return its size in bytes."""

    def get(self, name: str) -> BinaryIO:
        """Return a file, with random access."""

    def remove(self, below: str) -> None:
        """Remove all files whose names begin with `below`, which ends with a slash."""


@dataclass(frozen=True)
class LocalFolder:
    """A folder that all tasks reach by the same path."""

    root: str

    def put(self, name: str, write: Callable[[BinaryIO], Any]) -> int:
        path = Path(self.root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.part")
        with unfinished.open("wb") as file:
            write(file)
        unfinished.replace(path)
        return path.stat().st_size

    def get(self, name: str) -> BinaryIO:
        return Path(self.root, name).open("rb")

    def remove(self, below: str) -> None:
        folder = Path(self.root, below)
        if not folder.is_dir():
            return
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()


@dataclass(frozen=True)
class S3Folder:
    """A prefix of a bucket; it ends with a slash."""

    bucket: str
    prefix: str

    def put(self, name: str, write: Callable[[BinaryIO], Any]) -> int:
        body = io.BytesIO()
        write(body)
        s3().put_object(Bucket=self.bucket, Key=self.prefix + name, Body=body.getvalue())
        return body.getbuffer().nbytes

    def get(self, name: str) -> BinaryIO:
        return io.BytesIO(s3().get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read())

    def remove(self, below: str) -> None:
        pages = s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + below)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        for some in batched(keys, 1000, strict=False):
            s3().delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True})


@cache
def s3() -> Any:
    """This process's client."""
    return boto3.client("s3", config=CLIENT_CONFIG)
