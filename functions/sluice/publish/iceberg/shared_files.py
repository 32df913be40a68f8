"""Data files with rows of several sources, as compaction writes them.

An index beside the table's metadata says of each which data files went into it, so that a commit knows without reading
rows whether a source's rows are in it, and of which version.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.types import StringType

from sluice.errors import RowsLost, TableDisagrees
from sluice.publish.iceberg.data_files import RUN, SOURCE
from sluice.publish.lake import Written

_PREFIX = "compacted-"


@dataclass(frozen=True)
class Part:
    """Rows of one source in a shared file. name: of the data file of the same folder that they were in before."""

    name: str
    source: str
    rows: int


def is_shared(file: DataFile) -> bool:
    return _name(file.file_path).startswith(_PREFIX)


def new_paths(folder: str) -> Iterator[str]:
    """Yield addresses that nobody has used, in a partition's folder: a file of the table is never written over."""
    stem = uuid.uuid4().hex
    number = 0
    while True:
        yield f"{folder}/{_PREFIX}{stem}-{number}.parquet"
        number += 1


def parts_of(table: Table, file: DataFile) -> tuple[Part, ...]:
    """Return what is in a shared file, in the order of its rows. Raises TableDisagrees when its index is gone."""
    location = index_location(table, file.file_path)
    try:
        with table.io.new_input(location).open() as stream:
            return tuple(Part(*part) for part in json.load(stream))
    except FileNotFoundError as error:
        raise TableDisagrees(f"{location} is gone: restore its version") from error


def path_of(file: DataFile, part: Part) -> str:
    """Return the address that a part's data file had."""
    return f"{file.file_path.rpartition('/')[0]}/{part.name}"


def shared_file(table: Table, like: DataFile, path: str, parts: Iterable[Part], written: Written) -> DataFile:
    """Write the index of a file that was written, and return it as a data file of the partition of another.

    Its bounds are true: readers and commits skip it for sources that sort before the first or after the last.
    Raises RowsLost unless it has the rows of each part.
    """
    parts = sorted(parts, key=lambda part: (part.source, part.name))
    wanted = rows_by_source(parts)
    if written.rows != wanted:
        wrong = sorted(name for name in {*wanted, *written.rows} if wanted.get(name) != written.rows.get(name))
        raise RowsLost(
            f"{path} has {written.rows.get(wrong[0], 0)} rows of {wrong[0]}, and not {wanted.get(wrong[0], 0)}; "
            f"{len(wrong)} sources differ: nothing is committed"
        )
    with table.io.new_output(index_location(table, path)).create() as stream:
        stream.write(json.dumps([astuple(part) for part in parts], ensure_ascii=False).encode())
    bounds = [{SOURCE: min(wanted), RUN: written.runs[0]}, {SOURCE: max(wanted), RUN: written.runs[1]}]
    lower, upper = (_bytes(table, each) for each in bounds)
    return DataFile.from_args(
        _table_format_version=2,
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=like.partition,
        record_count=sum(wanted.values()),
        file_size_in_bytes=written.bytes,
        lower_bounds=lower,
        upper_bounds=upper,
        spec_id=like.spec_id,
    )


def rows_by_source(parts: Iterable[Part]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for part in parts:
        rows[part.source] = rows.get(part.source, 0) + part.rows
    return rows


def index_location(table: Table, path: str) -> str:
    return f"{table.properties['write.metadata.path']}/{_name(path)}.json"


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _bytes(table: Table, texts: Mapping[str, str]) -> dict[int, Any]:
    return {table.schema().find_field(name).field_id: to_bytes(StringType(), text) for name, text in texts.items()}
