"""GetPartitions filters by Expression and pages; MiniStack does neither.

MiniStack also accepts partitions of a table that does not exist, and does not know UpdatePartition,
BatchDeletePartition and GetTableVersions. Its UpdateTable compares the VersionId, but two threads may both find it
current; it keeps what the new definition leaves out, and archives no version.
"""

# ruff: noqa: S608 (the expression is the SQL that GetPartitions takes; the table is of this call alone)
import base64
import copy
import json
import threading
from collections.abc import Callable
from typing import Any

import duckdb
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import glue

Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[dict[str, Any]], Answer]
Partition = dict[str, Any]
EMPTY: dict[str, Any] = {"Parameters": {}, "PartitionKeys": [], "StorageDescriptor": {}, "Description": "", "Owner": ""}
"""What UpdateTable leaves of a definition that its TableInput does not have: it replaces the whole."""

PAGE = 1000
# Types of partition keys as the catalog compares them; all others compare as text.
TYPES = {
    "int": "BIGINT",
    "bigint": "BIGINT",
    "smallint": "BIGINT",
    "tinyint": "BIGINT",
    "date": "DATE",
    "double": "DOUBLE",
}


_changing = threading.Lock()
_archived = AccountRegionScopedDict()  # by database/table: the former versions, the latest first


def table_of(data: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = glue._tables.get(f"{data.get('DatabaseName')}/{data.get('TableName')}")
    return found


def no_table(data: dict[str, Any]) -> Answer:
    message = f"Entity Not Found: table {data.get('DatabaseName')}.{data.get('TableName')}"
    answer: Answer = glue.error_response_json("EntityNotFoundException", message, 400)
    return answer


def partitions_of(data: dict[str, Any]) -> list[Partition]:
    found: list[Partition] = glue._partitions.setdefault(f"{data['DatabaseName']}/{data['TableName']}", [])
    return found


def matching(partitions: list[Partition], keys: list[dict[str, str]], expression: str) -> list[Partition]:
    """The partitions for which an expression such as "day >= '2025-01-01' AND store IN ('7')" holds."""
    columns = [(key["Name"].replace('"', '""'), TYPES.get(key.get("Type", ""), "VARCHAR")) for key in keys]
    with duckdb.connect(":memory:") as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        connection.execute(f"CREATE TABLE partitions (_number BIGINT, {declared})")
        placeholders = ", ".join("?" for _ in range(len(columns) + 1))
        rows = [[number, *partition["Values"]] for number, partition in enumerate(partitions)]
        if rows:
            connection.executemany(f"INSERT INTO partitions VALUES ({placeholders})", rows)
        chosen = connection.execute(f"SELECT _number FROM partitions WHERE {expression} ORDER BY 1").fetchall()
    return [partitions[number] for (number,) in chosen]


def get_partitions(data: dict[str, Any]) -> Answer:
    table = table_of(data)
    if table is None:
        return no_table(data)
    found = partitions_of(data)
    if data.get("Expression"):
        try:
            found = matching(found, table["PartitionKeys"], data["Expression"])
        except duckdb.Error as error:
            message = f"Unsupported expression '{data['Expression']}': {error}"
            return glue.error_response_json("InvalidInputException", message, 400)  # type: ignore[no-any-return]
    start = int(base64.b64decode(data["NextToken"])) if data.get("NextToken") else 0
    end = start + min(int(data.get("MaxResults") or PAGE), PAGE)
    answer: dict[str, Any] = {"Partitions": found[start:end]}
    if end < len(found):
        answer["NextToken"] = base64.b64encode(str(end).encode()).decode()
    return glue.json_response(answer)  # type: ignore[no-any-return]


def update_partition(data: dict[str, Any]) -> Answer:
    for partition in partitions_of(data):
        if partition["Values"] == data["PartitionValueList"]:
            partition.update(data["PartitionInput"])
            return glue.json_response({})  # type: ignore[no-any-return]
    return glue.error_response_json("EntityNotFoundException", "Partition not found.", 400)  # type: ignore[no-any-return]


def batch_delete_partition(data: dict[str, Any]) -> Answer:
    errors = []
    for entry in data["PartitionsToDelete"]:
        remaining = [partition for partition in partitions_of(data) if partition["Values"] != entry["Values"]]
        if len(remaining) == len(partitions_of(data)):
            detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
            errors.append({"PartitionValues": entry["Values"], "ErrorDetail": detail})
        partitions_of(data)[:] = remaining
    return glue.json_response({"Errors": errors})  # type: ignore[no-any-return]


def get_table_versions(data: dict[str, Any]) -> Answer:
    """The table's versions, the current one first; UpdateTable with SkipArchive archives none."""
    table = table_of(data)
    if table is None:
        return no_table(data)
    archived = _archived.get(f"{data['DatabaseName']}/{data['TableName']}", [])
    versions = [{"Table": version, "VersionId": version["VersionId"]} for version in (table, *archived)]
    return glue.json_response({"TableVersions": versions})  # type: ignore[no-any-return]


def one_at_a_time(operation: Operation) -> Operation:
    """An operation that sees and leaves whole definitions of tables."""

    def alone(data: dict[str, Any]) -> Answer:
        with _changing:
            return operation(data)

    return alone


ADDED = {
    "UpdatePartition": update_partition,
    "BatchDeletePartition": batch_delete_partition,
    "GetTableVersions": get_table_versions,
}


def patch() -> None:
    handle, create, batch_create = glue._handle_request_sync, glue._create_partition, glue._batch_create_partition
    update_table, delete_table = glue._update_table, glue._delete_table

    def handle_more(method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if action in ADDED:
            return ADDED[action](json.loads(body or b"{}"))
        answer: Answer = handle(method, path, headers, body, query)
        return answer

    def create_in_table(data: dict[str, Any]) -> Answer:
        return create(data) if table_of(data) else no_table(data)

    def batch_create_in_table(data: dict[str, Any]) -> Answer:
        return batch_create(data) if table_of(data) else no_table(data)

    def update_table_archiving(data: dict[str, Any]) -> Answer:
        key = f"{data.get('DatabaseName')}/{data.get('TableInput', {}).get('Name')}"
        former = copy.deepcopy(glue._tables.get(key))
        answer: Answer = update_table(data | {"TableInput": EMPTY | data.get("TableInput", {})})
        if answer[0] == 200 and not data.get("SkipArchive"):
            _archived[key] = [former, *_archived.get(key, [])]
        return answer

    def delete_table_with_versions(data: dict[str, Any]) -> Answer:
        _archived.pop(f"{data.get('DatabaseName')}/{data.get('Name')}", None)
        return delete_table(data)  # type: ignore[no-any-return]

    glue._handle_request_sync = handle_more
    glue._get_table = one_at_a_time(glue._get_table)
    glue._create_table = one_at_a_time(glue._create_table)
    glue._update_table = one_at_a_time(update_table_archiving)
    glue._delete_table = one_at_a_time(delete_table_with_versions)
    glue._get_partitions = get_partitions
    glue._create_partition = create_in_table
    glue._batch_create_partition = batch_create_in_table
