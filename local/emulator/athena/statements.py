"""Statements about the catalog: SHOW, DESCRIBE and DROP, in Hive's grammar.

No patch of its own: `engine` uses it. https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from local.emulator.athena.reserved_words import IN_DDL
from local.emulator.athena.results import QueryFailed, Result, column_information
from local.emulator.athena.views import TEXT
from local.emulator.iam import roles

_NAME = r"(`[^`]+`|\w+)"
_TABLE = rf"(?:{_NAME}\s*\.\s*)?{_NAME}"
_MATCHING = r"(?:\s+(?:LIKE\s+)?'([^']*)')?"
_IS_VIEW = "VIRTUAL_VIEW"
Parts = tuple[str | None, ...]


class _Catalog:
    """The catalog as the caller of a statement sees it."""

    def __init__(self, credentials: roles.Credentials, database: str) -> None:
        self._glue = roles.client("glue", credentials)
        self._database = database

    def databases(self, parts: Parts) -> Result:
        pages = self._glue.get_paginator("get_databases").paginate()
        return _listed(
            "database_name", _matching(parts[0], (each["Name"] for p in pages for each in p["DatabaseList"]))
        )

    def tables(self, parts: Parts) -> Result:
        return _listed("tab_name", _matching(parts[1], (table["Name"] for table in self._tables(parts[0]))))

    def views(self, parts: Parts) -> Result:
        names = (table["Name"] for table in self._tables(parts[0]) if table.get("TableType") == _IS_VIEW)
        return _listed("views", _matching(parts[1], names))

    def columns(self, parts: Parts) -> Result:
        table = self._table(parts[2] or parts[0], parts[1])
        return _listed("field", [column["Name"] for column in _columns(table)])

    def partitions(self, parts: Parts) -> Result:
        table = self._table(parts[0], parts[1])
        keys = [key["Name"] for key in table.get("PartitionKeys", [])]
        if not keys:
            raise QueryFailed(f"FAILED: SemanticException [Error 10111]: Table {parts[1]} is not a partitioned table")
        where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
        pages = self._glue.get_paginator("get_partitions").paginate(**where)
        found = [partition["Values"] for page in pages for partition in page["Partitions"]]
        texts = ("/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)) for values in found)
        return _listed("partition", sorted(texts))

    def properties(self, parts: Parts) -> Result:
        rows = sorted(self._table(parts[0], parts[1]).get("Parameters", {}).items())
        return _described(["prpt_name", "prpt_value"], [list(row) for row in rows])

    def creation(self, parts: Parts) -> Result:
        table = self._table(parts[0], parts[1])
        if table.get("TableType") == _IS_VIEW:
            raise QueryFailed(f"FAILED: SHOW CREATE TABLE of a view: SHOW CREATE VIEW {table['Name']}")
        return _listed("createtab_stmt", _created(table))

    def view_creation(self, parts: Parts) -> Result:
        table = self._table(parts[0], parts[1])
        text = TEXT.fullmatch(table.get("ViewOriginalText") or "")
        if text is None:
            raise QueryFailed(f"NOT_SUPPORTED: {table['Name']} is not a view of Athena")

        sql = json.loads(base64.b64decode(text[1]))["originalSql"]
        return _listed("Create View", [f"CREATE VIEW {table['DatabaseName']}.{table['Name']} AS", *sql.splitlines()])

    def description(self, parts: Parts) -> Result:
        table = self._table(parts[0], parts[1])
        lines = [_line(column) for column in _columns(table)]
        if keys := table.get("PartitionKeys", []):
            heading = [["", " ", " "], ["# Partition Information", " ", " "], ["# col_name", "data_type", "comment"]]
            lines += [*heading, ["", " ", " "], *map(_line, keys)]
        return _described(["col_name", "data_type", "comment"], lines)

    def drop(self, parts: Parts) -> Result:
        if not parts[0] or self._exists(parts[1], parts[2]):
            table = self._table(parts[1], parts[2])
            self._glue.delete_table(DatabaseName=table["DatabaseName"], Name=table["Name"])
        return Result([], [], [])

    def _exists(self, database: str | None, name: str | None) -> bool:
        return any(table["Name"] == (name or "").lower() for table in self._tables(database))

    def _tables(self, database: str | None) -> Iterable[dict[str, Any]]:
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=(database or self._database).lower())
        return [table for page in pages for table in page["TableList"]]

    def _table(self, database: str | None, name: str | None) -> dict[str, Any]:
        where = {"DatabaseName": (database or self._database).lower(), "Name": (name or "").lower()}
        return dict(self._glue.get_table(**where)["Table"])


_STATEMENTS: tuple[tuple[str, Callable[[_Catalog, Parts], Result]], ...] = (
    (rf"SHOW\s+(?:DATABASES|SCHEMAS){_MATCHING}", _Catalog.databases),
    (rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+{_NAME})?{_MATCHING}", _Catalog.tables),
    (rf"SHOW\s+VIEWS(?:\s+(?:IN|FROM)\s+{_NAME})?{_MATCHING}", _Catalog.views),
    (rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_TABLE}(?:\s+(?:IN|FROM)\s+{_NAME})?", _Catalog.columns),
    (rf"SHOW\s+PARTITIONS\s+{_TABLE}", _Catalog.partitions),
    (rf"SHOW\s+TBLPROPERTIES\s+{_TABLE}", _Catalog.properties),
    (rf"SHOW\s+CREATE\s+TABLE\s+{_TABLE}", _Catalog.creation),
    (rf"SHOW\s+CREATE\s+VIEW\s+{_TABLE}", _Catalog.view_creation),
    (rf"(?:DESCRIBE|DESC)\s+{_TABLE}", _Catalog.description),
    (rf"DROP\s+(?:TABLE|VIEW)\s+(IF\s+EXISTS\s+)?{_TABLE}", _Catalog.drop),
)
_FORMS = tuple((re.compile(rf"\s*{form}\s*;?\s*", re.IGNORECASE), run) for form, run in _STATEMENTS)
_BEGINS = re.compile(r"\s*(SHOW|DESCRIBE|DESC|DROP)\b", re.IGNORECASE)


def answer(credentials: roles.Credentials, database: str, sql: str) -> Result | None:
    """The result of a statement about the catalog, None where it is none. Raises QueryFailed."""
    if not _BEGINS.match(sql):
        return None
    for form, run in _FORMS:
        if found := form.fullmatch(sql):
            parts = tuple(None if part is None else part.strip("`") for part in found.groups())
            try:
                return run(_Catalog(credentials, database), parts)
            except ClientError as error:
                if error.response["Error"]["Code"] == "EntityNotFoundException":
                    message = (
                        f"FAILED: SemanticException [Error 10001]: Not found: {error.response['Error']['Message']}"
                    )
                    raise QueryFailed(message) from error
                raise QueryFailed(f"PERMISSION_DENIED or missing: {error}") from error
    raise QueryFailed(f"NOT_SUPPORTED: the local Athena does not run: {' '.join(sql.split())[:80]}")


def reserved_name(sql: str) -> tuple[str, int] | None:
    """The first name of such a statement that is reserved and not quoted, with its offset; None where there is none."""
    found = next((match for form, _ in _FORMS if (match := form.fullmatch(sql))), None) if _BEGINS.match(sql) else None
    for group in range(1, len(found.groups()) + 1) if found else ():
        if found and (name := found[group]) and name.lower() in IN_DDL:
            return name, found.start(group)
    return None


def _matching(pattern: str | None, names: Iterable[str]) -> list[str]:
    """The names that fit one of the patterns between `|`, in which `*` is any text."""
    wanted = re.compile(re.sub(r"(?<!\.)\*", ".*", pattern or "*"), re.IGNORECASE)
    return sorted(name for name in names if wanted.fullmatch(name))


def _columns(table: dict[str, Any]) -> list[dict[str, str]]:
    return [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]


def _line(column: dict[str, str]) -> list[str]:
    return [column["Name"].ljust(20), column["Type"].ljust(20), column.get("Comment", "").ljust(20)]


def _listed(name: str, rows: Iterable[str]) -> Result:
    return Result([name], [column_information(name, "VARCHAR") | {"Type": "string"}], [[row] for row in rows])


def _described(names: list[str], rows: list[list[str]]) -> Result:
    """Rows of several columns are one text, with tabs between, as Hive's command line prints them."""
    columns = [column_information(name, "VARCHAR") | {"Type": "string"} for name in names]
    return Result(names, columns, [["\t".join(row)] for row in rows])


def _created(table: dict[str, Any]) -> Iterable[str]:
    storage, properties = table["StorageDescriptor"], table.get("Parameters", {})
    is_iceberg = properties.get("table_type", "").upper() == "ICEBERG"
    yield f"CREATE {'' if is_iceberg else 'EXTERNAL '}TABLE `{table['DatabaseName']}.{table['Name']}`("
    yield from _lines(storage["Columns"])
    if table.get("PartitionKeys"):
        yield "PARTITIONED BY ( "
        yield from _lines(table["PartitionKeys"])
    if serde := storage.get("SerdeInfo", {}).get("SerializationLibrary"):
        yield from ("ROW FORMAT SERDE ", f"  '{serde}' ")
    if storage.get("InputFormat"):
        yield from ("STORED AS INPUTFORMAT ", f"  '{storage['InputFormat']}' ")
        yield from ("OUTPUTFORMAT ", f"  '{storage.get('OutputFormat', '')}'")
    yield from ("LOCATION", f"  '{storage.get('Location', '')}'")
    if properties:
        yield "TBLPROPERTIES ("
        shown = [f"  '{name}'='{value}'" for name, value in sorted(properties.items())]
        yield from (f"{line}, " for line in shown[:-1])
        yield f"{shown[-1]})"


def _lines(columns: list[dict[str, str]]) -> Iterable[str]:
    for column in columns:
        yield f"  `{column['Name']}` {column['Type']}{')' if column is columns[-1] else ', '}"
