"""The second pass on many machines: a task makes one published or quarantine file out of the pieces of it."""

import json
import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import polars as pl
import pyarrow as pa

from sluice.contract.model import Contract
from sluice.contract.partitions import partition_path
from sluice.engines.impute import Plan
from sluice.engines.output_rows import Lineage, published_rows, quarantine_rows
from sluice.engines.spark.files import Folder

FILE_ROWS = 1_000_000
PIECE_BYTES = 128 << 20
"""Compressed bytes of pieces that a task joins, so that wide rows fit into its memory too."""
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
    """One file to be made. pieces: their names in the order of the rows; number: its place in its partition."""

    table: str
    number: int
    pieces: tuple[str, ...]
    members: tuple[tuple[int, int], ...]
    """(chunk, piece) of each of them."""


@dataclass(frozen=True)
class Assembly:
    """What the tasks of one file share."""

    contract: Contract
    folder: Folder
    lineage: Lineage
    whole: Plan
    targets: list[Target]
    hash_key: str = field(repr=False)  # a secret


def targets_of(chunks: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Return the files to be made of the chunks (chunks.cut's accounts): never by chance, always in row order."""
    ordered = sorted(chunks, key=lambda chunk: int(chunk["chunk"]))
    pieces = [
        (json.dumps(piece["values"]), chunk["chunk"], number, piece)
        for chunk in ordered
        for number, piece in enumerate(chunk["pieces"])
    ]
    pieces.sort(key=lambda piece: piece[:3])
    targets: list[Target] = []
    for _, of_partition in groupby(pieces, key=lambda piece: piece[0]):
        targets += _grouped("published", [(chunk, number, piece) for _, chunk, number, piece in of_partition])
    bad = [(chunk["chunk"], 0, piece) for chunk in ordered for piece in chunk["quarantine"]]
    return targets + _grouped("quarantine", bad)


def _grouped(table: str, pieces: list[tuple[int, int, Mapping[str, Any]]]) -> list[Target]:
    groups: list[list[tuple[int, int, Mapping[str, Any]]]] = []
    rows = size = 0
    for member in pieces:
        rows, size = rows + member[2]["rows"], size + member[2]["bytes"]
        if not groups or rows > FILE_ROWS or size > PIECE_BYTES:
            groups.append([])
            rows, size = member[2]["rows"], member[2]["bytes"]
        groups[-1].append(member)
    return [
        Target(
            table,
            number,
            tuple(piece["name"] for _, _, piece in group),
            tuple((chunk, index) for chunk, index, _ in group),
        )
        for number, group in enumerate(groups)
    ]


def assemble(job: Assembly, rows: pa.Table) -> pa.Table:
    """Make one file. For Spark's applyInArrow.

    rows: `target`, the file's number, in every row; `_row_number` of rows that another row outdoes, or null.
    Returns WRITTEN's columns: a row for each file that was written, none when no row was left.
    """
    target = job.targets[rows.column("target")[0].as_py()]
    superseded_rows = pl.Series("_row_number", rows.column("_row_number").to_pylist(), pl.Int64).drop_nulls()
    kept = pl.concat(_read(job.folder, name, superseded_rows) for name in target.pieces).lazy()
    write = _write_published if target.table == "published" else _write_quarantined
    written = list(write(job, target, kept))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pa.Table.from_pylist([file | {"peak_rss_bytes": peak} for file in written], schema=WRITTEN)


def _read(folder: Folder, name: str, superseded_rows: pl.Series) -> pl.DataFrame:
    with folder.get(name) as file:
        rows = pl.read_parquet(file)
    return rows.filter(~pl.col("_row_number").is_in(superseded_rows.implode())) if superseded_rows.len() else rows


def _write_published(job: Assembly, target: Target, kept: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    rows = published_rows(job.contract, kept, job.whole, job.lineage, hash_key=job.hash_key).collect()
    names = [part.name for part in job.contract.partition_by]
    if not names:
        yield from _put(job, f"published/{_name(job, target)}", {}, rows)
        return
    for key, frame in rows.partition_by(names, as_dict=True, maintain_order=True).items():
        values = {name: str(value) for name, value in zip(names, key, strict=True)}
        path = f"published/{partition_path(values)}/{_name(job, target)}"
        yield from _put(job, path, values, frame.drop(names))


def _write_quarantined(job: Assembly, target: Target, kept: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    yield from _put(
        job, f"quarantine/{_name(job, target)}", {}, quarantine_rows(job.contract, kept, job.lineage).collect()
    )


def _name(job: Assembly, target: Target) -> str:
    return f"{job.lineage.file_stem}-{target.number:03}.parquet"


def _put(job: Assembly, path: str, values: dict[str, str], rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    if rows.height:
        size = job.folder.put(path, lambda file: rows.write_parquet(file, compression="zstd", row_group_size=ROW_GROUP))
        yield {"path": path, "values": json.dumps(values), "rows": rows.height, "bytes": size}
