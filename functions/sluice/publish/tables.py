"""Creates and updates the tables of the Glue catalog: from contracts at deployment, from manifests by each run."""

import base64
import json
from typing import Any

from sluice.errors import TableDisagrees
from sluice.manifest import Manifest, TableDeclaration
from sluice.publish.latest_view import latest

_VERSION = "sluice.contract_version"
_ATTEMPTS = 5
_VIEW = "VIRTUAL_VIEW"
_TRINO = {"string": "varchar", "int": "integer", "float": "real", "timestamp": "timestamp(3)"}


def ensure(glue: Any, database: str, name: str, *, location: str, manifest: Manifest | TableDeclaration) -> None:
    """Create or update a dataset's table, its quarantine table and its view of the latest rows, as the manifest says.

    An Iceberg table is not made here (sluice.publish.iceberg.table), but its quarantine table and its view.

    location: s3://… of the lake bucket, with `published/` and `quarantine/` below it.
    Raises TableDisagrees when the partition columns differ, or a table has the name of the view.
    """
    version = str(manifest.contract_version)
    if manifest.table == "parquet":
        published = _table(name, f"{location}published/{name}/", manifest.schema, manifest.partition_columns, version)
        _ensure(glue, database, published)
    quarantine = f"{name}_quarantine"
    _ensure(
        glue,
        database,
        _table(quarantine, f"{location}quarantine/{name}/", manifest.quarantine_schema, [], version),
    )
    if manifest.across_files:
        _ensure(glue, database, _view(name, database, manifest, version))


def differences(current: dict[str, Any], name: str, location: str, declaration: TableDeclaration) -> list[str]:
    """Return how a dataset's table in the catalog differs from its declaration, a clause each.

    A table of a later version of the contract does not differ: another deployment declares it.
    """
    version = str(declaration.contract_version)
    table = _table(name, f"{location}published/{name}/", declaration.schema, declaration.partition_columns, version)
    if _version(current) > _version(table):
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


def _ensure(glue: Any, database: str, table: dict[str, Any]) -> None:
    """Create or update one table; two runs may do so at once, then the slower tries again."""
    conflicts = (glue.exceptions.AlreadyExistsException, glue.exceptions.ConcurrentModificationException)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _create_or_update(glue, database, table)
            return
        except conflicts:
            if attempt == _ATTEMPTS:
                raise


def _create_or_update(glue: Any, database: str, table: dict[str, Any]) -> None:
    try:
        current = glue.get_table(DatabaseName=database, Name=table["Name"])["Table"]
    except glue.exceptions.EntityNotFoundException:
        glue.create_table(DatabaseName=database, TableInput=table)
        return
    if current.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG":
        raise TableDisagrees(f"{database}.{table['Name']} is an Iceberg table: publish under a new dataset name")
    if (current.get("TableType") == _VIEW) != (table["TableType"] == _VIEW):
        raise TableDisagrees(f"{database}.{table['Name']} is no {table['TableType']}, as a dataset needs: rename it")
    if _columns(current["PartitionKeys"]) != _columns(table["PartitionKeys"]):
        raise TableDisagrees(
            f"the table {database}.{table['Name']} is partitioned by {_columns(current['PartitionKeys'])}, the "
            f"contract says {_columns(table['PartitionKeys'])}: publish under a new dataset name"
        )
    if _is_as(current, table) or _version(current) > _version(table):
        return
    # A crawler adds parameters of its own.
    parameters = {**current.get("Parameters", {}), **table["Parameters"]}
    # The version that was read: a late function must not restore an older contract's columns.
    glue.update_table(
        DatabaseName=database, TableInput={**table, "Parameters": parameters}, VersionId=current["VersionId"]
    )


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
    same_version = _version(current) == _version(table)
    same_query = current.get("ViewOriginalText") == table.get("ViewOriginalText")
    return same_location and same_version and same_query and _columns(have["Columns"]) == _columns(want["Columns"])


def _version(table: dict[str, Any]) -> int:
    return int(table.get("Parameters", {}).get(_VERSION, 0))
