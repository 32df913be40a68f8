"""The data files of a table: where they lie, their contents in a cache, the table of DuckDB that names them.

No patch of its own: `tables` and `iceberg/table` use it.
"""

# ruff: noqa: S608 (identifiers are quoted, values are bound)
import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

CACHE = Path(tempfile.gettempdir()) / "athena"
DOWNLOADS = 8  # downloads at once
BATCH = 500  # rows of one INSERT
PATH = "$path"

Column = tuple[str, str]  # a name and a type of DuckDB


class BadData(Exception):
    """The objects in S3, or the catalog, cannot be read as the table; `kind` is Athena's name of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class DataFile:
    """An object of a table, and the values of its partition in the order of the table's keys; None is a null."""

    bucket: str
    key: str
    etag: str
    values: tuple[str | None, ...]

    @property
    def uri(self) -> str:
        """What Trino's hidden column "$path" says."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def path(self) -> Path:
        """Where its content is cached: it never changes under one ETag."""
        digest = hashlib.sha256(f"{self.bucket}/{self.key}/{self.etag}".encode()).hexdigest()
        return CACHE / f"{digest}.parquet"


def download(s3: Any, files: Sequence[DataFile], *, lost: str) -> None:
    """Download the contents. When all are cached one is still requested, so that a denial shows.

    Raises BadData of the kind `lost` when an object is not what it was, ClientError.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not file.path.exists()]
    if files and not missing:
        s3.head_object(Bucket=files[0].bucket, Key=files[0].key)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(lambda file: fetch(s3, file, lost), missing))


def fetch(s3: Any, file: DataFile, lost: str) -> None:
    partial = file.path.with_suffix(f".{os.urandom(4).hex()}")
    try:
        content = s3.get_object(Bucket=file.bucket, Key=file.key, IfMatch=file.etag)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "PreconditionFailed"):
            raise BadData(lost, f"{file.uri} was changed or deleted while the query ran") from error
        raise
    partial.write_bytes(content)
    partial.rename(file.path)


def create_files_table(
    connection: duckdb.DuckDBPyConnection, view: str, keys: list[Column], files: Sequence[DataFile]
) -> None:
    """Create the table `view`_files: the cached path, the values of the partition and "$path" of each file."""
    declared = "".join(f", {quoted(name)} {kind}" for name, kind in keys)
    connection.execute(f"CREATE TABLE {view}_files (_path VARCHAR{declared}, {quoted(PATH)} VARCHAR)")
    placeholders = "(" + ", ".join("?" for _ in range(len(keys) + 2)) + ")"
    for start in range(0, len(files), BATCH):
        part = files[start : start + BATCH]
        values = [value for file in part for value in (str(file.path), *file.values, file.uri)]
        connection.execute(f"INSERT INTO {view}_files VALUES {', '.join(placeholders for _ in part)}", values)


def chunk_bytes(footer: pq.FileMetaData, columns: set[str]) -> int:
    """The bytes of some columns of a Parquet file, which is what a query of them scans."""
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(footer.num_columns))
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
