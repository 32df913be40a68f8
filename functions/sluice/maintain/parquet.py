"""Parquet files between the lake and the disk of a function."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl

from sluice.publish.lake import Written

_CHUNK = 1 << 20


def download(s3: Any, bucket: str, key: str, file: Path) -> Path:
    """Raises the client's NoSuchKey."""
    with file.open("wb") as stream:
        shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], stream, _CHUNK)
    return file


def upload(s3: Any, bucket: str, file: Path, key: str) -> Written | None:
    """Count a file's rows, upload it and return what it is; None for a file without rows, which is not uploaded."""
    by_source = (
        pl.scan_parquet(file)
        .group_by("_source_key")
        .agg(pl.len().alias("rows"), first=pl.col("_run_id").min(), last=pl.col("_run_id").max())
        .collect(engine="streaming")
    )
    if by_source.is_empty():
        return None
    with file.open("rb") as stream:
        s3.put_object(Bucket=bucket, Key=key, Body=stream, ContentType="application/vnd.apache.parquet")
    rows = dict(by_source.select("_source_key", "rows").iter_rows())
    runs = min(by_source["first"].to_list()), max(by_source["last"].to_list())
    return Written(file.stat().st_size, rows, runs)
