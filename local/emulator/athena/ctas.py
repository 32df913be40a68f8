"""CREATE TABLE AS: the result of a query as Parquet files of a new table of the catalog.

No patch of its own: `engine` and `queries` use it. https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from sqlglot import exp

from local.emulator.athena.naming import UNNAMED
from local.emulator.athena.results import QueryFailed, Result
from local.emulator.glue.hive import hive_type, location_of
from local.emulator.iam import roles

STATEMENT = re.compile(r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?[^(]*?(?:\bWITH\s*\(.*)?\bAS\b", re.I | re.S)
HIVE = "org.apache.hadoop.hive.ql.io.parquet"
PARQUET = {
    "InputFormat": f"{HIVE}.MapredParquetInputFormat",
    "OutputFormat": f"{HIVE}.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": f"{HIVE}.serde.ParquetHiveSerDe"},
}
KNOWN = {"external_location", "format", "write_compression", "parquet_compression"}


class TableWriter:
    """Writes the table of one CREATE TABLE AS.

    location: of a table without external_location. encryption: arguments of PutObject. `written`: the files' URIs.
    """

    def __init__(
        self, credentials: roles.Credentials, *, database: str, location: str, encryption: dict[str, str]
    ) -> None:
        self._glue, self._s3 = roles.client("glue", credentials), roles.client("s3", credentials)
        self._database, self._location, self._encryption = database, location, encryption
        self._created: exp.Create | None = None
        self.written: list[str] = []

    def query_of(self, statement: exp.Expression) -> Any:
        """The query of a CREATE TABLE AS; any other statement itself. Raises QueryFailed for options not supported."""
        if not isinstance(statement, exp.Create) or not isinstance(statement.expression, exp.Query):
            return statement
        options = self._options(statement)
        unknown = sorted(options.keys() - KNOWN)
        if unknown or options.get("format", "PARQUET").upper() != "PARQUET":
            what = f"format {options['format']}" if not unknown else ", ".join(unknown)
            raise QueryFailed(f"NOT_SUPPORTED: CREATE TABLE AS with {what} is not supported by the local Athena")
        self._created = statement
        return statement.expression

    def answer(self, connection: duckdb.DuckDBPyConnection, sql: str) -> Result | None:
        """Write the table that `query_of` found, with the result of `sql` in DuckDB's SQL; None where it found none.

        Raises QueryFailed, ClientError.
        """
        statement = self._created
        if statement is None:
            return None
        table: Any = statement.this
        database, name = (table.db or self._database).lower(), table.name.lower()
        location = self._options(statement).get("external_location", self._location).rstrip("/")
        if self._exists(database, name):
            if statement.args.get("exists"):
                return Result([], [], [])
            raise QueryFailed(f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")
        bucket, prefix = location_of(location)
        if self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
            raise QueryFailed(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{database}.{name}' already exists"
            )
        columns = self._write(connection, sql, bucket, prefix, empty=bool(statement.find(exp.WithDataProperty)))
        storage = PARQUET | {"Columns": columns, "Location": f"s3://{bucket}/{prefix}"}
        made = {"Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": {"EXTERNAL": "TRUE"}}
        self._glue.create_table(DatabaseName=database, TableInput=made | {"StorageDescriptor": storage})
        return Result([], [], [])

    def _options(self, statement: exp.Create) -> dict[str, str]:
        """The options of WITH (…), in lower case."""
        found: dict[str, str] = {}
        properties: Any = statement.args.get("properties")
        for each in properties.expressions if properties else []:
            match each:
                case exp.FileFormatProperty():
                    found["format"] = each.this.name
                case exp.PartitionedByProperty():
                    found["partitioned_by"] = ""
                case exp.WithDataProperty():
                    pass
                case _:
                    found[each.name.lower()] = each.args["value"].name if each.args.get("value") else ""
        return found

    def _exists(self, database: str, name: str) -> bool:
        try:
            self._glue.get_table(DatabaseName=database, Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise
            return False
        return True

    def _write(
        self, connection: duckdb.DuckDBPyConnection, sql: str, bucket: str, prefix: str, *, empty: bool
    ) -> list[dict[str, str]]:
        """Upload the result as one file (none without rows), and return the table's columns."""
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
        names = [str(row[0]).lower() for row in described]
        check_names(names, [str(row[1]) for row in described])
        chosen = ", ".join(
            f'CAST(t."{str(row[0]).replace(chr(34), 2 * chr(34))}" AS {STORED.get(str(row[1]), row[1])}) AS "{name}"'
            for row, name in zip(described, names, strict=True)
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "part.parquet"
            connection.execute(f"COPY (SELECT {chosen} FROM ({sql}) AS t) TO '{file}' (FORMAT parquet)")  # noqa: S608
            footer = pq.read_metadata(file)
            schema = footer.schema.to_arrow_schema()
            if footer.num_rows and not empty:
                key = f"{prefix}{Path(folder).name}.parquet"
                self._s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), **self._encryption)
                self.written.append(f"s3://{bucket}/{key}")
        return [{"Name": field.name, "Type": hive_type(field.type)} for field in schema]


STORED = {"HUGEINT": "BIGINT", "UBIGINT": "BIGINT", "UINTEGER": "BIGINT", "UHUGEINT": "BIGINT"}
"""Types of DuckDB that the catalog lacks, and what Trino has instead."""


def check_names(names: list[str], kinds: list[str]) -> None:
    """Refuse what a table cannot have, in the words that awswrangler looks for. Raises QueryFailed."""
    for position, (name, kind) in enumerate(zip(names, kinds, strict=True), start=1):
        if UNNAMED.fullmatch(name):
            raise QueryFailed(f"MISSING_COLUMN_NAME: Column name not specified at position {position}")
        if names.count(name) > 1:
            raise QueryFailed(f"DUPLICATE_COLUMN_NAME: Column name '{name}' specified more than once")
        if kind in ('"NULL"', "NULL"):
            raise QueryFailed(f"COLUMN_TYPE_UNKNOWN: Column type is unknown at position {position}")
