"""Creates the tables of the Glue catalog, and changes them as contracts say, at deployment and only then."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sluice.errors import TableDisagrees
from sluice.manifest import Manifest, TableDeclaration
from sluice.publish import partitions
from sluice.publish.column_types import reads_as
from sluice.publish.latest_view import latest

_VERSION = "sluice.contract_version"
_DROPPED = "sluice.dropped_columns"
_ATTEMPTS = 5
_VIEW = "VIRTUAL_VIEW"
_TRINO = {"string": "varchar", "int": "integer", "float": "real", "timestamp": "timestamp(3)"}


def ensure(glue: Any, database: str, name: str, *, location: str, declaration: Manifest | TableDeclaration) -> None:
    """Create or change a dataset's table, its quarantine table and its view of the latest rows, as declared.

    Registered partitions get the table's columns. A table of a later version of the contract stays as it is. An Iceberg
    table is not made here (sluice.publish.iceberg.table), but its quarantine table and its view.
    location: s3://… of the lake bucket, with `published/` and `quarantine/` below it.
    Raises TableDisagrees as `problems` says it.
    """
    for table in _tables(name, database, location, declaration):
        _retried(glue, partial(_create_or_update, glue, database, table))


def problems(glue: Any, database: str, name: str, *, location: str, declaration: TableDeclaration) -> list[str]:
    """Return why the catalog's tables of a dataset cannot become as declared, a clause each."""
    found = []
    for table in _tables(name, database, location, declaration):
        current = _current(glue, database, table["Name"])
        if current and contract_version(current) <= contract_version(table):
            found += _problems(current, table, database)
    return found


def require(glue: Any, database: str, name: str, *, location: str, manifest: Manifest) -> None:
    """Create the tables that a run needs and that are missing; those that are there stay as they are.

    Only a deployment changes columns, so an undone run leaves none behind. Raises TableDisagrees when readers could not
    read the run's files: a deployment that changes the table has not come to it yet, or is refused.
    """
    for table in _tables(name, database, location, manifest):
        _retried(glue, partial(_require, glue, database, table))


def contract_version(table: dict[str, Any]) -> int:
    """Return the version of the contract that a table of the catalog is as; 0 of a table that no contract declares."""
    return int(table.get("Parameters", {}).get(_VERSION, 0))


def _tables(
    name: str, database: str, location: str, declaration: Manifest | TableDeclaration
) -> Iterator[dict[str, Any]]:
    version = str(declaration.contract_version)
    if declaration.table == "parquet":
        columns, keys = declaration.schema, declaration.partition_columns
        yield _table(name, f"{location}published/{name}/", columns, keys, version)
    yield _table(f"{name}_quarantine", f"{location}quarantine/{name}/", declaration.quarantine_schema, [], version)
    if declaration.across_files:
        yield _view(name, database, declaration, version)


def differences(current: dict[str, Any], name: str, location: str, declaration: TableDeclaration) -> list[str]:
    """Return how a dataset's table in the catalog differs from its declaration, a clause each.

    A table of a later version of the contract does not differ: another deployment declares it.
    """
    version = str(declaration.contract_version)
    table = _table(name, f"{location}published/{name}/", declaration.schema, declaration.partition_columns, version)
    if contract_version(current) > contract_version(table):
        return []
    have, want = current["StorageDescriptor"], table["StorageDescriptor"]
    pairs = (
        ("columns", _columns(have["Columns"]), _columns(want["Columns"])),
        ("partition columns", _columns(current.get("PartitionKeys", [])), _columns(table["PartitionKeys"])),
        ("location", [have.get("Location", "").rstrip("/")], [want["Location"].rstrip("/")]),
    )
    return [
        f"its {what} differ: {[each for each in left if each not in right]}, in the contract "
        f"{[each for each in right if each not in left]}"
        for what, left, right in pairs
        if left != right
    ]


def _retried(glue: Any, change: Callable[[], None]) -> None:
    """Change one table; two may do so at once, then the slower tries again."""
    conflicts = (glue.exceptions.AlreadyExistsException, glue.exceptions.ConcurrentModificationException)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            change()
            return
        except conflicts:
            if attempt == _ATTEMPTS:
                raise


def _current(glue: Any, database: str, name: str) -> dict[str, Any] | None:
    try:
        table: dict[str, Any] = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None
    return table


def _create_or_update(glue: Any, database: str, table: dict[str, Any]) -> None:
    current = _current(glue, database, table["Name"])
    if current is None:
        glue.create_table(DatabaseName=database, TableInput=table)
        return
    if contract_version(current) > contract_version(table):
        return
    if found := _problems(current, table, database):
        raise TableDisagrees("; ".join(found))
    if not _is_as(current, table):
        # A crawler adds parameters of its own.
        parameters = {**current.get("Parameters", {}), **table["Parameters"]}
        if dropped := _dropped(current, table):
            parameters[_DROPPED] = json.dumps(dropped)
        # The version that was read: a late deployment must not restore an older contract's columns.
        glue.update_table(
            DatabaseName=database, TableInput={**table, "Parameters": parameters}, VersionId=current["VersionId"]
        )
    # Also of a table that is right: a deployment may have died before it came to them.
    if table["PartitionKeys"]:
        partitions.align(glue, database, table["Name"], table["StorageDescriptor"]["Columns"])


def _require(glue: Any, database: str, table: dict[str, Any]) -> None:
    current = _current(glue, database, table["Name"])
    if current is None:
        glue.create_table(DatabaseName=database, TableInput=table)
        return
    found = list(_other_kind(current, table, database)) or list(_unreadable(table, current, database))
    if found:
        raise TableDisagrees("; ".join(found))


def _problems(current: dict[str, Any], table: dict[str, Any], database: str) -> list[str]:
    """Return why a table cannot become another: its files are there, and only their readers can take them otherwise."""
    former = {"StorageDescriptor": {"Columns": _glue_columns(_remembered(current))}, "PartitionKeys": []}
    return list(_other_kind(current, table, database)) or [
        *_unreadable(current, table, database),
        *(f"{text}, in older files" for text in _unreadable(former, table, database)),
    ]


def _other_kind(current: dict[str, Any], table: dict[str, Any], database: str) -> Iterator[str]:
    """Yield what no change of columns mends."""
    name = f"{database}.{table['Name']}"
    if current.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG":
        yield f"{name} is an Iceberg table"
    elif (current.get("TableType") == _VIEW) != (table["TableType"] == _VIEW):
        yield f"{name} is no {table['TableType']}, as a dataset needs: rename it"
    elif _columns(current["PartitionKeys"]) != _columns(table["PartitionKeys"]):
        have, want = _columns(current["PartitionKeys"]), _columns(table["PartitionKeys"])
        yield f"{name} is partitioned by {have}, the contract says {want}"


def _unreadable(files: dict[str, Any], table: dict[str, Any], database: str) -> Iterator[str]:
    """Yield the columns of files, given as the table that they were written for, that a table cannot have."""
    if table.get("TableType") == _VIEW:
        return
    types = dict(_columns(table["StorageDescriptor"]["Columns"]))
    for column, written in _columns(files["StorageDescriptor"]["Columns"]):
        wanted = types.get(column, written)
        if not reads_as(written, wanted, kind="parquet", partitioned=bool(table["PartitionKeys"])):
            yield f"{database}.{table['Name']}: {column} is {written}, which readers cannot take as {wanted}"


def _remembered(table: dict[str, Any]) -> list[dict[str, str]]:
    """Return the columns that a table had once: older files have them still."""
    dropped = json.loads(table.get("Parameters", {}).get(_DROPPED, "{}"))
    return [{"name": name, "type": type_} for name, type_ in dropped.items()]


def _dropped(current: dict[str, Any], table: dict[str, Any]) -> dict[str, str]:
    had = {column["name"]: column["type"] for column in _remembered(current)}
    had |= dict(_columns(current["StorageDescriptor"]["Columns"]))
    there = dict(_columns(table["StorageDescriptor"]["Columns"]))
    return {name: type_ for name, type_ in had.items() if name not in there} if table["TableType"] != _VIEW else {}


def _table(
    name: str,
    location: str,
    columns: list[dict[str, str]],
    partition_columns: list[dict[str, str]],
    version: str,
) -> dict[str, Any]:
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE", _VERSION: version},
        "PartitionKeys": _glue_columns(partition_columns),
        "StorageDescriptor": {
            "Location": location,
            "Columns": _glue_columns(columns),
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }


def _view(name: str, database: str, manifest: Manifest | TableDeclaration, version: str) -> dict[str, Any]:
    """Return the view NAME_latest as Athena keeps its own in the catalog, which has no other call to make one."""
    columns = [*manifest.schema, *manifest.partition_columns]
    names = [column["name"] for column in columns]
    unique = manifest.across_files
    document = {
        "originalSql": latest(name, names, key=unique["key"], by=unique["latest"]),
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column["name"], "type": _trino_type(column["type"])} for column in columns],
    }
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    return {
        "Name": f"{name}_latest",
        "TableType": _VIEW,
        "Parameters": {"presto_view": "true", "comment": "Presto View", _VERSION: version},
        "PartitionKeys": [],
        "StorageDescriptor": {"Location": "", "Columns": _glue_columns(columns), "SerdeInfo": {}},
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
    }


def _trino_type(glue_type: str) -> str:
    """Return Trino's name of one of glue_types'."""
    if glue_type.startswith("array<"):
        return f"array({_trino_type(glue_type[6:-1])})"
    return _TRINO.get(glue_type, glue_type)


def _glue_columns(columns: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"Name": column["name"], "Type": column["type"]} for column in columns]


def _columns(columns: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in columns]


def _is_as(current: dict[str, Any], table: dict[str, Any]) -> bool:
    have, want = current["StorageDescriptor"], table["StorageDescriptor"]
    same_location = have.get("Location", "").rstrip("/") == want["Location"].rstrip("/")
    same_version = contract_version(current) == contract_version(table)
    same_query = current.get("ViewOriginalText") == table.get("ViewOriginalText")
    return same_location and same_version and same_query and _columns(have["Columns"]) == _columns(want["Columns"])
