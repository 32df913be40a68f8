"""The second pass on Spark: a task writes one published or quarantine file from its staged files."""

import json
import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import polars as pl
import pyarrow as pa

from sluice.contract.model import Contract
from sluice.contract.partitions import partition_path, partition_values
from sluice.engines.impute import Plan
from sluice.engines.output_rows import Lineage, published_rows, quarantine_rows
from sluice.engines.spark.files import Folder

FILE_ROWS = 1_000_000
STAGED_BYTES = 128 << 20
"""Compressed bytes of staged files that a task reads, so that wide rows fit into its memory too."""
ROW_GROUP = 262_144

WRITTEN = pa.schema(
    [
        ("path", pa.string()),
        ("values", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("peak_rss_bytes", pa.int64()),
    ]
)
WRITTEN_IN_SPARK = "path string, `values` string, rows bigint, bytes bigint, peak_rss_bytes bigint"


@dataclass(frozen=True)
class Target:
    """One file to write. files: its staged files in the order of the rows; number: its index in its partition."""

    table: str
    number: int
    files: tuple[str, ...]
    members: tuple[tuple[int, int], ...]
    """(chunk, index of the staged file in its chunk) of each of them."""


@dataclass(frozen=True)
class WriteJob:
    """What the tasks of one file share."""

    contract: Contract
    folder: Folder
    lineage: Lineage
    whole: Plan
    targets: list[Target]
    hash_key: str = field(repr=False)  # a secret


def targets_of(chunks: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Return the files to write from the chunks' accounts: always the same, in the order of the rows."""
    ordered = sorted(chunks, key=lambda chunk: int(chunk["chunk"]))
    files = [
        (json.dumps(file["values"]), chunk["chunk"], number, file)
        for chunk in ordered
        for number, file in enumerate(chunk["files"])
    ]
    files.sort(key=lambda file: file[:3])
    targets: list[Target] = []
    for _, of_partition in groupby(files, key=lambda file: file[0]):
        targets += _grouped("published", [(chunk, number, file) for _, chunk, number, file in of_partition])
    bad = [(chunk["chunk"], 0, file) for chunk in ordered for file in chunk["quarantine"]]
    return targets + _grouped("quarantine", bad)


def _grouped(table: str, files: list[tuple[int, int, Mapping[str, Any]]]) -> list[Target]:
    groups: list[list[tuple[int, int, Mapping[str, Any]]]] = []
    rows = size = 0
    for member in files:
        rows, size = rows + member[2]["rows"], size + member[2]["bytes"]
        if not groups or rows > FILE_ROWS or size > STAGED_BYTES:
            groups.append([])
            rows, size = member[2]["rows"], member[2]["bytes"]
        groups[-1].append(member)
    return [
        Target(
            table,
            number,
            tuple(file["name"] for _, _, file in group),
            tuple((chunk, index) for chunk, index, _ in group),
        )
        for number, group in enumerate(groups)
    ]


def write_file(job: WriteJob, rows: pa.Table) -> pa.Table:
    """Write one file. For Spark's applyInArrow.

    rows: `target`, the file's number, in every row; `_row_number` of superseded rows, or null.
    Returns WRITTEN's columns: a row for each file that was written, none when no row was left.
    """
    target = job.targets[rows.column("target")[0].as_py()]
    superseded_rows = pl.Series("_row_number", rows.column("_row_number").to_pylist(), pl.Int64).drop_nulls()
    remaining = pl.concat(_read(job.folder, name, superseded_rows) for name in target.files).lazy()
    write = _write_published if target.table == "published" else _write_quarantined
    written = list(write(job, target, remaining))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pa.Table.from_pylist([file | {"peak_rss_bytes": peak} for file in written], schema=WRITTEN)


def _read(folder: Folder, name: str, superseded_rows: pl.Series) -> pl.DataFrame:
    with folder.get(name) as file:
        rows = pl.read_parquet(file)
    return rows.filter(~pl.col("_row_number").is_in(superseded_rows.implode())) if superseded_rows.len() else rows


def _write_published(job: WriteJob, target: Target, remaining: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    rows = published_rows(job.contract, remaining, job.whole, job.lineage, hash_key=job.hash_key).collect()
    names = [part.name for part in job.contract.partition_by]
    if not names:
        yield from _put(job, f"published/{_name(job, target)}", {}, rows)
        return
    for key, frame in rows.partition_by(names, as_dict=True, maintain_order=True).items():
        values = partition_values(names, key)
        path = f"published/{partition_path(values)}/{_name(job, target)}"
        yield from _put(job, path, values, frame.drop(names))


def _write_quarantined(job: WriteJob, target: Target, remaining: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    yield from _put(
        job, f"quarantine/{_name(job, target)}", {}, quarantine_rows(job.contract, remaining, job.lineage).collect()
    )


def _name(job: WriteJob, target: Target) -> str:
    return f"{job.lineage.file_stem}-{target.number:03}.parquet"


def _put(job: WriteJob, path: str, values: dict[str, str], rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    if rows.height:
        size = job.folder.put(path, lambda file: rows.write_parquet(file, compression="zstd", row_group_size=ROW_GROUP))
        yield {"path": path, "values": json.dumps(values), "rows": rows.height, "bytes": size}
