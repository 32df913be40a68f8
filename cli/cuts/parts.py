"""The parts of a cut as Parquet files: the same bytes for the same rows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched, chain, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cli.cuts.rows import ROWS
from cli.cuts.split import TEST, TRAIN, Split, quoted

_GROUP_ROWS = 100_000
_FILE_GROUPS = 20
_ORDERED = ("int", "long", "float", "double", "decimal", "date", "timestamp")
"""Iceberg's types of which a manifest has the least and the largest value: texts may be of persons."""


@dataclass(frozen=True)
class PartFile:
    """A file of a part. sha256: of its bytes, in hex."""

    path: Path
    rows: int
    bytes: int
    sha256: str


def account(connection: duckdb.DuckDBPyConnection, split: Split) -> dict[str, dict[str, int]]:
    """Return the rows of each source by part; both sorted. A part that is neither train nor test is a reason."""
    query = f"SELECT _source_key, {split.part(ROWS)} AS part, count(*) FROM {ROWS} GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608
    sources: dict[str, dict[str, int]] = {}
    for source, part, rows in connection.execute(query).fetchall():
        sources.setdefault(source, {})[part] = rows
    return sources


def write(connection: duckdb.DuckDBPyConnection, split: Split, part: str, folder: Path) -> list[PartFile]:
    """Write a part's rows, sorted by _source_key and _row_number, into files of two million rows.

    The order, the row groups, the names and the writer's settings depend on the rows alone; pyarrow writes its version
    into each file, so another version writes other bytes.
    """
    folder.mkdir()
    result: pa.RecordBatchReader = connection.sql(
        f"SELECT * FROM {ROWS} WHERE {split.part(ROWS)} = '{part}' ORDER BY _source_key, _row_number"  # noqa: S608
    ).to_arrow_reader(_GROUP_ROWS)
    files: list[PartFile] = []
    groups = _groups(result)
    for first in groups:
        path = folder / f"part-{len(files):05}.parquet"
        rows = 0
        with pq.ParquetWriter(path, result.schema, version="2.6", compression="zstd", compression_level=3) as writer:
            for group in chain([first], islice(groups, _FILE_GROUPS - 1)):
                writer.write_table(group, row_group_size=_GROUP_ROWS)
                rows += group.num_rows
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append(PartFile(path, rows, path.stat().st_size, digest))
    return files


def statistics(connection: duckdb.DuckDBPyConnection, split: Split, columns: dict[str, str]) -> list[dict[str, Any]]:
    """Return each column with its type and, for train and test, its nulls, and its least and largest value as text."""
    values = []
    for name, type_ in columns.items():
        column = quoted(name)
        ordered = type_.startswith(_ORDERED)
        values += [f"count(*) - count({column})"]
        values += [f"CAST({which}({column}) AS VARCHAR)" if ordered else "NULL" for which in ("min", "max")]
    listed: list[dict[str, Any]] = [{"name": name, "type": type_} for name, type_ in columns.items()]
    for part in (TRAIN, TEST):
        query = f"SELECT {', '.join(values)} FROM {ROWS} WHERE {split.part(ROWS)} = ?"  # noqa: S608
        row = connection.execute(query, [part]).fetchall()[0]
        for column_, (nulls, least, largest) in zip(listed, batched(row, 3, strict=True), strict=True):
            column_[part] = {"nulls": nulls} | ({} if least is None else {"min": least, "max": largest})
    return listed


def _groups(batches: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Yield tables of _GROUP_ROWS rows, the last one of the rest."""
    left = batches.schema.empty_table()
    for batch in batches:
        left = pa.concat_tables([left, pa.Table.from_batches([batch])])
        while left.num_rows >= _GROUP_ROWS:
            yield left.slice(0, _GROUP_ROWS).combine_chunks()
            left = left.slice(_GROUP_ROWS)
    if left.num_rows:
        yield left.combine_chunks()
