"""The rows of a snapshot of an Iceberg table, in a DuckDB file: more than memory holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import batched
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from cli.cuts.split import quoted
from sluice.errors import RowsLost

ROWS = "rows_of_snapshot"
_MEMORY = "1GB"
_DOWNLOADS = 8
_SIMPLE = {"int": "INTEGER", "long": "BIGINT", "string": "VARCHAR"}


def database(folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a database in a folder, which also takes what does not fit into memory."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": False,
    }
    return duckdb.connect(str(folder / "rows.duckdb"), config=config)


def columns_of(table: Any, snapshot: Any) -> dict[str, str]:
    """Return the columns of a table as of a snapshot, by name, in their order: Iceberg's types."""
    return {field.name: str(field.field_type) for field in _schema(table, snapshot).fields}


def read(connection: duckdb.DuckDBPyConnection, s3: Any, table: Any, snapshot: Any, folder: Path) -> int:
    """Read the rows of a snapshot into the table ROWS; return their number. s3: a client.

    Raises RowsLost when the files have other rows than the table's metadata say; botocore's ClientError for a file
    that is gone.
    """
    schema = _schema(table, snapshot)
    types = ", ".join(f"{quoted(field.name)} {_type(str(field.field_type))}" for field in schema.fields)
    connection.execute(f"CREATE TABLE {ROWS} ({types})")
    files = [task.file for task in table.scan(snapshot_id=snapshot.snapshot_id).plan_files()]
    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        for some in batched(files, _DOWNLOADS, strict=False):
            paths = [folder / f"{number}.parquet" for number in range(len(some))]  # a name is in several partitions
            list(pool.map(lambda file, path: _download(s3, file.file_path, path), some, paths))
            for file, path in zip(some, paths, strict=True):
                selected = ", ".join(_columns(table, schema, file, pq.read_schema(path).names))
                connection.execute(
                    f"INSERT INTO {ROWS} SELECT {selected} FROM read_parquet(?, hive_partitioning = false)",  # noqa: S608
                    [str(path)],
                )
                path.unlink()
    wanted = sum(file.record_count for file in files)
    (rows,) = connection.execute(f"SELECT count(*) FROM {ROWS}").fetchall()[0]  # noqa: S608
    if rows != wanted:
        raise RowsLost(f"the files of snapshot {snapshot.snapshot_id} have {rows:,} rows, its metadata {wanted:,}")
    return int(rows)


def _schema(table: Any, snapshot: Any) -> Any:
    return table.schemas()[snapshot.schema_id]


def _download(s3: Any, address: str, path: Path) -> None:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    s3.download_file(bucket, key, str(path))


def _columns(table: Any, schema: Any, file: Any, names: list[str]) -> Iterator[str]:
    """Yield what each column is in a file: a partition's value, a column found by any of its names, or NULL.

    https://iceberg.apache.org/spec/#column-projection
    """
    mapping = table.name_mapping()
    called = {field.field_id: field.names for field in mapping.root} if mapping else {}
    fields = table.specs()[file.spec_id].fields
    values = {field.source_id: file.partition[place] for place, field in enumerate(fields)}
    for field in schema.fields:
        type_ = str(field.field_type)
        if field.field_id in values:
            value = _literal(type_, values[field.field_id])
        else:
            value = next((quoted(name) for name in names if name in called.get(field.field_id, ())), "NULL")
        yield f"CAST({value} AS {_type(type_)})"


def _literal(type_: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if type_ == "date":
        value = date(1970, 1, 1) + timedelta(days=value)
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def _type(iceberg_type: str) -> str:
    """Return DuckDB's name of one of the types of sluice.publish.iceberg.schema."""
    if iceberg_type.startswith("list<"):
        return f"{_type(iceberg_type[5:-1])}[]"
    return _SIMPLE.get(iceberg_type, iceberg_type.upper())
