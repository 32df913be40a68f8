"""A table of the Glue catalog as a view of DuckDB: the files of its registered partitions, its columns, its types.

No patch of its own: `engine` uses it.
"""

# ruff: noqa: S608 (identifiers are quoted, values are bound, paths are our own)
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from sqlglot import exp
from sqlglot.dialects import DuckDB

from local.emulator.glue.hive import HIVE_NULL, duckdb_type, hidden, hive_type, location_of
from local.emulator.iam import roles

CACHE = Path(tempfile.gettempdir()) / "athena"
DOWNLOADS = 8  # downloads at once
PATH = "$path"
INTEGERS = {"tinyint", "smallint", "int", "bigint"}

Column = dict[str, str]


class BadData(Exception):
    """The objects in S3, or the catalog, cannot be read as the table; `kind` is Athena's name of the error."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class DataFile:
    """An object of a table, and the values of its partition in the order of the table's keys."""

    bucket: str
    key: str
    etag: str
    values: tuple[str, ...]

    @property
    def uri(self) -> str:
        """What Trino's hidden column "$path" says."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def path(self) -> Path:
        """Where its content is cached: it never changes under one ETag."""
        digest = hashlib.sha256(f"{self.bucket}/{self.key}/{self.etag}".encode()).hexdigest()
        return CACHE / f"{digest}.parquet"


class Tables:
    """The tables of one query."""

    def __init__(self, credentials: roles.Credentials, connection: duckdb.DuckDBPyConnection) -> None:
        self._glue = roles.client("glue", credentials)
        self._s3 = roles.client("s3", credentials)
        self._connection = connection
        self._views: dict[tuple[str, str], str] = {}
        self._tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.bytes_scanned = 0

    def declare(self, database: str, name: str, statement: exp.Query) -> str:
        """The name of the view of a table. Raises BadData, ClientError."""
        if (database, name) not in self._views:
            view = f"table_{len(self._views)}"
            self._views[database, name] = view
            self._make(database, name, view, statement)
        return self._views[database, name]

    def _make(self, database: str, name: str, view: str, statement: exp.Query) -> None:
        self._glue.get_database(Name=database)
        table = self.table(database, name)
        keys = table.get("PartitionKeys", [])
        files = list(self._files_of(table, keys, statement))
        if (wanted := chosen_paths(statement)) is not None:
            files = [file for file in files if file.uri in wanted]
        self._download(files)
        columns = table["StorageDescriptor"]["Columns"]
        present = self._check(files, columns, statement)
        chosen = [
            f"CAST({quoted(column['Name'])} AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
            if column["Name"].lower() in present
            else f"CAST(NULL AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
            for column in columns
        ]
        # A hidden column of Trino's: only a statement that names it sees it.
        hidden_columns = [{"Name": PATH, "Type": "string"}] if reads_path(statement) else []
        chosen += [f"_values.{quoted(key['Name'])}" for key in [*keys, *hidden_columns]]
        if not files:
            empty = [
                f"CAST(NULL AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
                for column in [*columns, *keys, *hidden_columns]
            ]
            self._connection.execute(f"CREATE VIEW {view} AS SELECT {', '.join(empty)} WHERE false")
            return
        self._create_files_table(view, keys, files)
        paths = ", ".join(f"'{file.path}'" for file in files)
        self._connection.execute(
            f"CREATE VIEW {view} AS SELECT {', '.join(chosen)} FROM read_parquet([{paths}], filename = '_path', "
            f"union_by_name = true, hive_partitioning = false) JOIN {view}_files AS _values USING (_path)"
        )

    def table(self, database: str, name: str) -> dict[str, Any]:
        """What the catalog says of a table. Raises BadData, ClientError."""
        if (found := self._tables.get((database, name))) is not None:
            return found
        try:
            table: dict[str, Any] = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
            return self._tables.setdefault((database, name), table)
        except self._glue.exceptions.EntityNotFoundException as error:
            message = f"Table 'awsdatacatalog.{database}.{name}' does not exist"
            raise BadData("TABLE_NOT_FOUND", message) from error

    def _files_of(self, table: dict[str, Any], keys: list[Column], statement: exp.Query) -> Iterator[DataFile]:
        """The files of the registered partitions that the statement's conditions leave; all files without keys."""
        bucket, prefix = location_of(table["StorageDescriptor"]["Location"])
        if not keys:
            yield from self._listed(bucket, prefix, ())
            return
        found = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=table["DatabaseName"], TableName=table["Name"]
        )
        partitions = [partition for page in found for partition in page["Partitions"]]
        for partition in partitions:
            check_schema(table, partition)
        wanted = self._pruned(keys, [tuple(partition["Values"]) for partition in partitions], statement, table["Name"])
        locations = {
            location_of(partition["StorageDescriptor"]["Location"]): tuple(partition["Values"])
            for partition in partitions
            if tuple(partition["Values"]) in wanted
        }
        inside = {
            folder: values
            for folder, values in locations.items()
            if folder[0] == bucket and folder[1].startswith(prefix)
        }
        if len(inside) > 1:  # one listing of the table instead of one for each partition
            for file in self._listed(bucket, prefix, ()):
                folder = (bucket, file.key[: file.key.rindex("/") + 1])
                if folder in inside:
                    yield DataFile(bucket, file.key, file.etag, inside[folder])
        for folder, values in locations.items():
            if len(inside) <= 1 or folder not in inside:
                yield from self._listed(*folder, values)

    def _pruned(
        self, keys: list[Column], partitions: list[tuple[str, ...]], statement: exp.Query, name: str
    ) -> set[tuple[str, ...]]:
        """The partitions for which the conditions on the keys alone can hold."""
        tables = [node for node in statement.find_all(exp.Table) if node.name.lower() == name.lower()]
        select = tables[0].find_ancestor(exp.Select) if len(tables) == 1 else None
        where = select.args.get("where") if select is not None else None
        if where is None or not partitions:
            return set(partitions)
        names = {key["Name"].lower() for key in keys}
        conjuncts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
        usable = []
        for conjunct in conjuncts:
            columns = list(conjunct.find_all(exp.Column))
            if columns and all(column.name.lower() in names for column in columns) and not conjunct.find(exp.Query):
                plain = exp.paren(conjunct.copy())
                for column in list(plain.find_all(exp.Column)):
                    column.replace(exp.column(column.name, quoted=True))
                usable.append(plain.sql(dialect=DuckDB))
        if not usable:
            return set(partitions)
        raw = ", ".join(f"raw{number}" for number in range(len(keys)))
        typed = ", ".join(
            f"CAST(raw{number} AS {duckdb_type(key['Type'])}) AS {quoted(key['Name'])}"
            for number, key in enumerate(keys)
        )
        row = "(" + ", ".join("?" for _ in keys) + ")"
        rows = ", ".join(row for _ in partitions)
        answer = self._connection.execute(
            f"SELECT {raw} FROM (SELECT {raw}, {typed} FROM (VALUES {rows}) AS given({raw})) "
            f"WHERE {' AND '.join(usable)}",
            [None if value == HIVE_NULL else value for partition in partitions for value in partition],
        )
        return {tuple(HIVE_NULL if value is None else value for value in row) for row in answer.fetchall()}

    def _listed(self, bucket: str, prefix: str, values: tuple[str, ...]) -> Iterator[DataFile]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                if entry["Size"] and not hidden(entry["Key"][len(prefix) :]):
                    yield DataFile(bucket, entry["Key"], entry["ETag"], values)

    def _download(self, files: list[DataFile]) -> None:
        """Download the contents. When all are cached one is still requested, so that a denial shows."""
        CACHE.mkdir(parents=True, exist_ok=True)
        missing = [file for file in files if not file.path.exists()]
        if files and not missing:
            self._s3.head_object(Bucket=files[0].bucket, Key=files[0].key)
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(self._fetch, missing))

    def _fetch(self, file: DataFile) -> None:
        partial = file.path.with_suffix(f".{os.urandom(4).hex()}")
        try:
            content = self._s3.get_object(Bucket=file.bucket, Key=file.key, IfMatch=file.etag)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "PreconditionFailed"):
                message = f"s3://{file.bucket}/{file.key} was changed or deleted while the query ran"
                raise BadData("HIVE_CANNOT_OPEN_SPLIT", message) from error
            raise
        partial.write_bytes(content)
        partial.rename(file.path)

    def _check(self, files: Iterable[DataFile], columns: list[Column], statement: exp.Query) -> set[str]:
        """The names of the columns that any file has; counts the bytes of those that the statement reads."""
        declared = {column["Name"].lower(): column["Type"].lower().replace(" ", "") for column in columns}
        read = {column.name.lower() for column in statement.find_all(exp.Column)}
        reads_all = any(not isinstance(star.parent, exp.Count) for star in statement.find_all(exp.Star))
        present: set[str] = set()
        for file in files:
            footer = pq.read_metadata(file.path)
            for column in footer.schema.to_arrow_schema():
                name = column.name.lower()
                present.add(name)
                if name in declared and not compatible(hive_type(column.type), declared[name]):
                    raise BadData(
                        "HIVE_BAD_DATA",
                        f"Field {name}'s type {hive_type(column.type)} in parquet file s3://{file.bucket}/{file.key} "
                        f"is incompatible with type {declared[name]} defined in table schema",
                    )
            for group in range(footer.num_row_groups):
                for number in range(footer.num_columns):
                    chunk = footer.row_group(group).column(number)
                    if reads_all or chunk.path_in_schema.split(".")[0].lower() in read:
                        self.bytes_scanned += chunk.total_compressed_size
        return present

    def _create_files_table(self, view: str, keys: list[Column], files: list[DataFile]) -> None:
        """Create the table of files with the values of their partitions."""
        declared = "".join(f", {quoted(key['Name'])} {duckdb_type(key['Type'])}" for key in keys)
        self._connection.execute(f"CREATE TABLE {view}_files (_path VARCHAR{declared}, {quoted(PATH)} VARCHAR)")
        placeholders = "(" + ", ".join("?" for _ in range(len(keys) + 2)) + ")"
        for start in range(0, len(files), 500):
            part = files[start : start + 500]
            values: list[Any] = []
            for file in part:
                values += [str(file.path), *(None if value == HIVE_NULL else value for value in file.values), file.uri]
            self._connection.execute(f"INSERT INTO {view}_files VALUES {', '.join(placeholders for _ in part)}", values)


def reads_path(statement: exp.Query) -> bool:
    return any(column.name.lower() == PATH for column in statement.find_all(exp.Column))


def chosen_paths(statement: exp.Query) -> set[str] | None:
    """The files that `"$path" IN (…)` leaves, where it is one of the conditions of WHERE: Trino opens no others."""
    where = statement.args.get("where")
    conjuncts = where.this.flatten() if where is not None and isinstance(where.this, exp.And) else []
    for conjunct in [where.this] if where is not None and not conjuncts else conjuncts:
        named = isinstance(conjunct, exp.In) and isinstance(conjunct.this, exp.Column) and conjunct.this.name == PATH
        if named and all(isinstance(each, exp.Literal) for each in conjunct.expressions):
            return {each.name for each in conjunct.expressions}
    return None


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def check_schema(table: dict[str, Any], partition: dict[str, Any]) -> None:
    """A partition whose columns have other types than the table's cannot be read, as in Athena."""
    types = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    for column in partition.get("StorageDescriptor", {}).get("Columns", []):
        if types.get(column["Name"], column["Type"]) != column["Type"]:
            raise BadData(
                "HIVE_PARTITION_SCHEMA_MISMATCH",
                f"The column '{column['Name']}' in table '{table['DatabaseName']}.{table['Name']}' is declared as type "
                f"'{types[column['Name']]}', but partition {partition['Values']} declared it as '{column['Type']}'",
            )


def compatible(found: str, declared: str) -> bool:
    """Whether Athena reads a file's type as the table's."""
    if found == declared or (found in INTEGERS and declared in INTEGERS):
        return True
    if found.startswith("decimal") and declared.startswith("decimal"):
        return True
    if declared.startswith(("varchar", "char")):
        return found == "string"
    return (found, declared) in {("float", "double"), ("string", "binary"), ("binary", "string"), ("timestamp", "date")}
