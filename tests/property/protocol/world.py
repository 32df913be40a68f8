"""DynamoDB, S3 and Glue in memory: one state of all of them, and what one call makes of it.

A lake object that is deleted is absent here. On AWS it has a delete marker above it, which the calls of the protocol
do not distinguish from absence: none names a version of the lake, and a conditional write succeeds above a marker.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

from sluice.aws.dynamodb import plain, stored
from tests.property.protocol.calls import Answer, Call
from tests.property.protocol.conditions import condition


class Item(dict[str, Any]):
    """A plain item; it is replaced, never changed."""

    @cached_property
    def text(self) -> str:
        return repr(sorted(self.items()))


LONG_AGO = datetime(2025, 3, 5, tzinfo=UTC)


@dataclass
class World:
    """items: (source, version) → plain item. objects: (bucket, key) → content. partitions: (table, values) → input.

    entries: Iceberg table → its version and files.
    """

    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    partitions: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def copy(self) -> "World":
        return World(dict(self.items), dict(self.objects), dict(self.partitions), self.tables, dict(self.entries))

    @cached_property
    def fingerprint(self) -> str:
        """Two states with the same one behave the same. Ask for it once nothing changes this state any more."""
        items = sorted((key, item.text) for key, item in self.items.items())
        return repr((items, sorted(self.objects), sorted(self.partitions), self.entries))

    def do(self, call: Call) -> Answer:
        """Change this state as the call does, and return its answer."""
        return _DO[call.operation](self, call.parameters)


def _key(parameters: dict[str, Any]) -> tuple[str, str]:
    key = plain(parameters["Key"])
    return key["source"], key["version"]


def _get_item(world: World, of: dict[str, Any]) -> Answer:
    item = world.items.get(_key(of))
    return "answer", item


def _batch_get_item(world: World, of: dict[str, Any]) -> Answer:
    ((table, wanted),) = of["RequestItems"].items()
    keys = [_key({"Key": key}) for key in wanted["Keys"]]
    return "answer", {"Responses": {table: [stored(world.items[key]) for key in keys if key in world.items]}}


def _scan(world: World, of: dict[str, Any]) -> Answer:
    return "answer", {"Items": [stored(item) for item in world.items.values()]}


def _put_item(world: World, of: dict[str, Any]) -> Answer:
    item = _without_times(plain(of["Item"]))
    key = (item["source"], item["version"])
    if not condition(of["ConditionExpression"])(world.items.get(key, {}), _operands(of)):
        return "error", "ConditionalCheckFailedException"
    world.items[key] = item
    return "answer", {}


def _update_item(world: World, of: dict[str, Any]) -> Answer:
    if not _holds(world, of):
        return "error", "ConditionalCheckFailedException"
    _update(world, of)
    return "answer", {}


def _transact_write_items(world: World, of: dict[str, Any]) -> Answer:
    updates = [each["Update"] for each in of["TransactItems"]]
    if not all(_holds(world, update) for update in updates):
        return "error", "TransactionCanceledException"
    for update in updates:
        _update(world, update)
    return "answer", {}


def _operands(of: dict[str, Any]) -> dict[str, Any]:
    return plain(of.get("ExpressionAttributeValues", {}))


def _holds(world: World, of: dict[str, Any]) -> bool:
    return condition(of["ConditionExpression"])(world.items.get(_key(of), {}), _operands(of))


def _update(world: World, of: dict[str, Any]) -> None:
    key = _key(of)
    setting, _, removing = of["UpdateExpression"].partition(" REMOVE ")
    item = {**world.items.get(key, {}), "source": key[0], "version": key[1]}
    values = _operands(of)
    for clause in setting.removeprefix("SET ").split(", "):
        name, value = re.fullmatch(r"#(\w+) = (:\w+)", clause).groups()  # type: ignore[union-attr]
        item[name] = values[value]
    for name in re.findall(r"#(\w+)", removing):
        item.pop(name, None)
    world.items[key] = _without_times(item)


def _without_times(item: dict[str, Any]) -> Item:
    """Nobody decides by these times, and every state would be another because of them."""
    return Item({name: value for name, value in item.items() if not name.endswith("_at")})


def _get_object(world: World, of: dict[str, Any]) -> Answer:
    body = world.objects.get((of["Bucket"], of["Key"]))
    return ("error", "NoSuchKey") if body is None else ("answer", {"Body": body, "ContentLength": len(body)})


def _head_object(world: World, of: dict[str, Any]) -> Answer:
    body = world.objects.get((of["Bucket"], of["Key"]))
    return ("error", "404") if body is None else ("answer", {"ContentLength": len(body), "LastModified": LONG_AGO})


def _write(world: World, of: dict[str, Any], body: bytes) -> Answer:
    key = (of["Bucket"], of["Key"])
    if of.get("IfNoneMatch") == "*" and key in world.objects:
        return "error", "PreconditionFailed"
    world.objects[key] = body
    return "answer", {}


def _put_object(world: World, of: dict[str, Any]) -> Answer:
    return _write(world, of, of["Body"] if isinstance(of["Body"], bytes) else of["Body"].encode())


def _copy_object(world: World, of: dict[str, Any]) -> Answer:
    body = world.objects.get((of["CopySource"]["Bucket"], of["CopySource"]["Key"]))
    return ("error", "NoSuchKey") if body is None else _write(world, of, body)


def _delete_objects(world: World, of: dict[str, Any]) -> Answer:
    for each in of["Delete"]["Objects"]:
        world.objects.pop((of["Bucket"], each["Key"]), None)
    return "answer", {"Deleted": [{"Key": each["Key"]} for each in of["Delete"]["Objects"]]}


def _delete_object(world: World, of: dict[str, Any]) -> Answer:
    world.objects.pop((of["Bucket"], of["Key"]), None)
    return "answer", {}


def _list_objects(world: World, of: dict[str, Any]) -> Answer:
    found = [
        {"Key": key, "Size": len(body), "LastModified": LONG_AGO}
        for (bucket, key), body in sorted(world.objects.items())
        if bucket == of["Bucket"] and key.startswith(of.get("Prefix", "")) and key > of.get("StartAfter", "")
    ][: of.get("MaxKeys", 1000)]
    return "answer", {"KeyCount": len(found), **({"Contents": found} if found else {})}


def _list_versions(world: World, of: dict[str, Any]) -> Answer:
    """Of the raw bucket, whose keys end in their version here."""
    named = [key.rpartition("@")[::2] for bucket, key in sorted(world.objects) if bucket == of["Bucket"]]
    return "answer", {"Versions": [{"Key": key, "VersionId": version} for key, version in named]}


def _get_tags(world: World, of: dict[str, Any]) -> Answer:
    return "answer", {"TagSet": []}


def _put_tags(world: World, of: dict[str, Any]) -> Answer:
    return "answer", {}


def _get_tables(world: World, of: dict[str, Any]) -> Answer:
    return "answer", {"TableList": list(world.tables.values())}


def _create_table(world: World, of: dict[str, Any]) -> Answer:
    world.tables = {**world.tables, of["TableInput"]["Name"]: {**of["TableInput"], "VersionId": "1"}}
    return "answer", {}


def _get_table(world: World, of: dict[str, Any]) -> Answer:
    table = world.tables.get(of["Name"])
    return ("error", "EntityNotFoundException") if table is None else ("answer", {"Table": table})


def _partitions(world: World, of: dict[str, Any]) -> Answer:
    found = [each for (table, _), each in sorted(world.partitions.items()) if table == of["TableName"]]
    return "answer", {"Partitions": found}


def _batch_get_partition(world: World, of: dict[str, Any]) -> Answer:
    wanted = [(of["TableName"], tuple(each["Values"])) for each in of["PartitionsToGet"]]
    return "answer", {"Partitions": [world.partitions[key] for key in wanted if key in world.partitions]}


def _batch_create_partition(world: World, of: dict[str, Any]) -> Answer:
    errors = []
    for each in of["PartitionInputList"]:
        key = (of["TableName"], tuple(each["Values"]))
        if key in world.partitions:
            errors.append({"PartitionValues": each["Values"], "ErrorDetail": {"ErrorCode": "AlreadyExistsException"}})
        else:
            world.partitions[key] = each
    return "answer", {"Errors": errors}


def _get_partition(world: World, of: dict[str, Any]) -> Answer:
    return "answer", {"Partition": world.partitions[of["TableName"], tuple(of["PartitionValues"])]}


def _create_partition(world: World, of: dict[str, Any]) -> Answer:
    created = {"TableName": of["TableName"], "PartitionInputList": [of["PartitionInput"]]}
    _, answer = _batch_create_partition(world, created)
    return ("error", "AlreadyExistsException") if answer["Errors"] else ("answer", {})


def _delete_partition(world: World, of: dict[str, Any]) -> Answer:
    del world.partitions[of["TableName"], tuple(of["PartitionValues"])]
    return "answer", {}


def _get_iceberg_entry(world: World, of: dict[str, Any]) -> Answer:
    version, files = world.entries.get(of["Name"], (0, []))
    return "answer", {"VersionId": version, "Files": files}


def _update_iceberg_entry(world: World, of: dict[str, Any]) -> Answer:
    version, _ = world.entries.get(of["Name"], (0, []))
    if version != of["VersionId"]:
        return "error", "ConcurrentModificationException"
    world.entries[of["Name"]] = version + 1, of["Files"]
    return "answer", {}


_DO: dict[str, Callable[[World, dict[str, Any]], Answer]] = {
    "get_item": _get_item,
    "batch_get_item": _batch_get_item,
    "scan": _scan,
    "put_item": _put_item,
    "update_item": _update_item,
    "transact_write_items": _transact_write_items,
    "get_object": _get_object,
    "head_object": _head_object,
    "put_object": _put_object,
    "copy_object": _copy_object,
    "delete_objects": _delete_objects,
    "delete_object": _delete_object,
    "list_objects_v2": _list_objects,
    "list_object_versions": _list_versions,
    "get_object_tagging": _get_tags,
    "put_object_tagging": _put_tags,
    "get_tables": _get_tables,
    "get_table": _get_table,
    "create_table": _create_table,
    "get_partitions": _partitions,
    "batch_get_partition": _batch_get_partition,
    "batch_create_partition": _batch_create_partition,
    "delete_partition": _delete_partition,
    "get_partition": _get_partition,
    "create_partition": _create_partition,
    "get_iceberg_entry": _get_iceberg_entry,
    "update_iceberg_entry": _update_iceberg_entry,
}


def body_of(world: World, bucket: str, key: str) -> Any:
    """Return a JSON document as it stands, or {} when there is none."""
    return _parsed(world.objects.get((bucket, key), b"{}"))


@cache
def _parsed(body: bytes) -> Any:
    return json.loads(body)
