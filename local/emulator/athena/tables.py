"""A table of the Glue catalog as a view of DuckDB: the files of its registered partitions, its columns, its types.

No patch of its own: `engine` uses it.
"""

# ruff: noqa: S608 (identifiers are quoted, values are bound, paths are our own)
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import duckdb
import pyarrow.parquet as pq
from sqlglot import exp

from local.emulator.athena.conditions import chosen_paths, conditions_on, key_conditions
from local.emulator.athena.files import PATH, BadData, DataFile, chunk_bytes, create_files_table, download, quoted
from local.emulator.glue.hive import HIVE_NULL, duckdb_type, hidden, hive_type, is_iceberg, location_of
from local.emulator.iam import roles

INTEGERS = ("tinyint", "smallint", "int", "bigint")

Column = dict[str, str]


class Tables:
    """The tables of one query."""

    def __init__(self, credentials: roles.Credentials, connection: duckdb.DuckDBPyConnection) -> None:
        self._glue = roles.client("glue", credentials)
        self._s3 = roles.client("s3", credentials)
        self._connection = connection
        self._tables: dict[tuple[str, str], dict[str, Any]] = {}
        self._iceberg: dict[tuple[str, str], Any] = {}
        self._numbers = itertools.count()
        self.bytes_scanned = 0

    def declare(self, database: str, node: exp.Table, statement: exp.Query) -> str:
        """The name of the view of the table at `node`. Raises BadData, ClientError.

        A table that is named twice is read twice, as in Trino: conditions and versions may differ.
        """
        name = node.name.lower()
        if is_iceberg(self.table(database, name)):
            return self._declare_iceberg(database, name, node, columns_read(statement))
        if node.args.get("version"):
            raise BadData("NOT_SUPPORTED", "This connector does not support versioned tables")
        view = f"table_{next(self._numbers)}"
        self._make(database, name, view, node, columns_read(statement))
        return view

    def _declare_iceberg(self, database: str, name: str, node: exp.Table, reads: Callable[[str], bool]) -> str:
        self._glue.get_database(Name=database)
        base, _, suffix = name.partition("$")
        table, metadata_tables = iceberg_modules()
        if suffix and suffix not in metadata_tables.METADATA_TABLES:
            raise BadData("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{database}.{name}' does not exist")
        if suffix and node.args.get("version"):
            raise BadData("NOT_SUPPORTED", f"This connector does not support versions of {name}")
        if (found := self._iceberg.get((database, base))) is None:
            found = table.IcebergTable(self.table(database, base), self._s3, self._connection)
            self._iceberg[database, base] = found
        view = f"iceberg_{next(self._numbers)}"
        if suffix:
            self._connection.register(view, metadata_tables.METADATA_TABLES[suffix](found))
        else:
            self.bytes_scanned += found.create_view(view, node, reads)
        return view

    def _make(self, database: str, name: str, view: str, node: exp.Table, reads: Callable[[str], bool]) -> None:
        self._glue.get_database(Name=database)
        table = self.table(database, name)
        keys = table.get("PartitionKeys", [])
        conditions = conditions_on(node)
        files = list(self._files_of(table, keys, conditions))
        if (wanted := chosen_paths(conditions)) is not None:
            files = [file for file in files if file.uri in wanted]
        download(self._s3, files, lost="HIVE_CANNOT_OPEN_SPLIT")
        columns = table["StorageDescriptor"]["Columns"]
        present = self._check(files, columns, reads, partitioned=bool(keys))
        chosen = [
            f"CAST({quoted(column['Name'])} AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
            if column["Name"].lower() in present
            else f"CAST(NULL AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
            for column in columns
        ]
        hidden_columns = [{"Name": PATH, "Type": "string"}] if reads(PATH) else []
        chosen += [f"_values.{quoted(key['Name'])}" for key in [*keys, *hidden_columns]]
        if not files:
            empty = [
                f"CAST(NULL AS {duckdb_type(column['Type'])}) AS {quoted(column['Name'])}"
                for column in [*columns, *keys, *hidden_columns]
            ]
            self._connection.execute(f"CREATE VIEW {view} AS SELECT {', '.join(empty)} WHERE false")
            return
        typed_keys = [(key["Name"], duckdb_type(key["Type"])) for key in keys]
        create_files_table(self._connection, view, typed_keys, files)
        paths = ", ".join(f"'{file.path}'" for file in files)
        self._connection.execute(
            f"CREATE VIEW {view} AS SELECT {', '.join(chosen)} FROM read_parquet([{paths}], filename = '_path', "
            f"union_by_name = true, hive_partitioning = false) JOIN {view}_files AS _values USING (_path)"
        )

    def table(self, database: str, name: str) -> dict[str, Any]:
        """What the catalog says of a table, or of the table of a metadata table. Raises BadData, ClientError."""
        full, (name, _, suffix) = name, name.partition("$")
        found = self._tables.get((database, name))
        if found is None:
            with contextlib.suppress(self._glue.exceptions.EntityNotFoundException):
                found = self._tables[database, name] = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        if found is None or (suffix and not is_iceberg(found)):
            message = f"Table 'awsdatacatalog.{database}.{full}' does not exist"
            raise BadData("TABLE_NOT_FOUND", message)
        return found

    def _files_of(
        self, table: dict[str, Any], keys: list[Column], conditions: list[exp.Expression]
    ) -> Iterator[DataFile]:
        """The files of the registered partitions that conditions leave; all files without keys."""
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
        usable = key_conditions(conditions, {key["Name"].lower() for key in keys})
        wanted = self._pruned(keys, [tuple(partition["Values"]) for partition in partitions], usable)
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
                    yield DataFile(bucket, file.key, file.etag, without_hive_null(inside[folder]))
        for folder, values in locations.items():
            if len(inside) <= 1 or folder not in inside:
                yield from self._listed(*folder, values)

    def _pruned(self, keys: list[Column], partitions: list[tuple[str, ...]], usable: list[str]) -> set[tuple[str, ...]]:
        """The partitions for which conditions on the keys alone can hold."""
        if not usable or not partitions:
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
                    yield DataFile(bucket, entry["Key"], entry["ETag"], without_hive_null(values))

    def _check(
        self, files: Iterable[DataFile], columns: list[Column], reads: Callable[[str], bool], *, partitioned: bool
    ) -> set[str]:
        """The names of the columns that any file has; counts the bytes of those that the statement reads."""
        declared = {column["Name"].lower(): column["Type"].lower().replace(" ", "") for column in columns}
        present: set[str] = set()
        for file in files:
            footer = pq.read_metadata(file.path)
            for column in footer.schema.to_arrow_schema():
                name = column.name.lower()
                present.add(name)
                if name in declared and not compatible(hive_type(column.type), declared[name], partitioned=partitioned):
                    raise BadData(
                        "HIVE_BAD_DATA",
                        f"Field {name}'s type {hive_type(column.type)} in parquet file s3://{file.bucket}/{file.key} "
                        f"is incompatible with type {declared[name]} defined in table schema",
                    )
            read = {column.name for column in footer.schema.to_arrow_schema() if reads(column.name)}
            self.bytes_scanned += chunk_bytes(footer, read)
        return present


def without_hive_null(values: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(None if value == HIVE_NULL else value for value in values)


_importing = threading.Lock()


def iceberg_modules() -> tuple[ModuleType, ModuleType]:
    """What reads such tables, imported by the first query that does: pyiceberg takes seconds of every start.

    One thread at a time: its modules import each other in circles.
    """
    with _importing:
        from local.emulator.athena.iceberg import metadata_tables, table

        return table, metadata_tables


def columns_read(statement: exp.Query) -> Callable[[str], bool]:
    """Whether a statement reads a column. "$path" is hidden: only a statement that names it reads it."""
    names = {column.name.lower() for column in statement.find_all(exp.Column)}
    reads_all = any(not isinstance(star.parent, exp.Count) for star in statement.find_all(exp.Star))
    return lambda name: name.lower() in names or (reads_all and name != PATH)


def check_schema(table: dict[str, Any], partition: dict[str, Any]) -> None:
    """A partition whose columns have types that Athena does not cast to the table's cannot be read."""
    types = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    for column in partition.get("StorageDescriptor", {}).get("Columns", []):
        if not is_wider(column["Type"], types.get(column["Name"], column["Type"])):
            raise BadData(
                "HIVE_PARTITION_SCHEMA_MISMATCH",
                f"The column '{column['Name']}' in table '{table['DatabaseName']}.{table['Name']}' is declared as type "
                f"'{types[column['Name']]}', but partition {partition['Values']} declared it as '{column['Type']}'",
            )


def compatible(found: str, declared: str, *, partitioned: bool) -> bool:
    """Whether Athena reads a file's type as the table's: no other whole numbers in a table without partitions.

    https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html
    """
    if found == declared or (partitioned and is_wider(found, declared)):
        return True
    if found.startswith("decimal") and declared.startswith("decimal"):
        return True
    if declared.startswith(("varchar", "char")):
        return found == "string"
    return (found, declared) in {("float", "double"), ("string", "binary"), ("binary", "string"), ("timestamp", "date")}


def is_wider(found: str, declared: str) -> bool:
    """Whether a type is the same, or of whole numbers that hold all of another one."""
    both = found in INTEGERS and declared in INTEGERS
    return found == declared or (both and INTEGERS.index(found) <= INTEGERS.index(declared))
