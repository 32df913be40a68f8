"""Rewrites a file with rows of several sources when one of these changes: copy-on-write."""

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sluice.publish.lake import Written


def rewrite(
    s3: Any, bucket: str, key: str, to: str, *, only: Collection[str] = (), but: Collection[str] = ()
) -> Written | None:
    """Write the rows of a Parquet file, only those of some sources or all but theirs, to another key.

    Return what was written, None when no row is left: then nothing is. Memory is bounded: both files are on the disk.
    """
    # Few commits meet such a file, and all start faster without Polars.
    import polars as pl

    from sluice.maintain.parquet import download, upload

    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "file.parquet", Path(folder) / "out.parquet"
        download(s3, bucket, key, file)
        of_them = pl.col("_source_key").is_in(list(only or but))
        rows = pl.scan_parquet(file).filter(of_them if only else ~of_them)
        rows.sink_parquet(out, compression="zstd", engine="streaming")
        return upload(s3, bucket, out, to)
