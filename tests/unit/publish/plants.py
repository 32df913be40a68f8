"""Differences between the ledger and what is there, each planted into a lake that has none."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.property.protocol.clients import Clients
from tests.property.protocol.explorer import RAW
from tests.property.protocol.scenarios import head, keys
from tests.property.protocol.steps import LAKE, Steps, in_turn, version
from tests.property.protocol.world import LONG_AGO, Item, World, body_of

NOW = (LONG_AGO + timedelta(days=1)).timestamp()
STRANGER = "0123456789abcdef0123456789abcdef"
URI = version(1).uri
Plant = Callable[[World], None]


def manifest(world: World) -> str:
    return str(head(world)["published_manifest"])


def of(world: World, kind: str) -> tuple[str, str]:
    """The one object of version 1 in the table or in the quarantine."""
    (key,) = keys(world, f"{kind}/")
    return LAKE, key


def edit(world: World, **values: Any) -> None:
    key = LAKE, manifest(world)
    world.objects[key] = json.dumps({**body_of(world, *key), **values}).encode()


def change(world: World, number: int | str, **values: Any) -> None:
    key = URI, number if isinstance(number, str) else f"v{number}"
    item = {"source": URI, "version": key[1], "run_id": f"r{number}", "sequencer": f"0{number}", "dataset": "sales"}
    changed = {**item, **world.items.get(key, {}), **values}
    world.items[key] = Item({name: value for name, value in changed.items() if value is not None})


def proceed(world: World, *states: str) -> None:
    with in_turn():
        for state in states:
            getattr(Steps(Clients(world.do)), state)(2)


def lose(world: World, kind: str) -> None:
    del world.objects[of(world, kind)]


def put(world: World, key: str, body: bytes = b"...") -> None:
    world.objects[LAKE, key] = body


def promise_twice(world: World) -> None:
    other = f"{URI}.copy"
    document = body_of(world, LAKE, manifest(world))
    shared, own = document["objects"]
    own = {**own, "key": "quarantine/sales/copy-0.parquet"}
    source = {**document["source"], "key": f"{version(1).key}.copy"}
    put(world, own["key"])
    put(
        world,
        "manifests/sales/copy/copy.json",
        json.dumps({**document, "source": source, "objects": [shared, own]}).encode(),
    )
    world.items[other, "HEAD"] = Item(
        {**head(world), "source": other, "published_manifest": "manifests/sales/copy/copy.json"}
    )
    world.items[other, "v1"] = Item({**world.items[URI, "v1"], "source": other})
    world.objects[RAW, f"{version(1).key}.copy@v1"] = b"."


def leave_pending(world: World) -> None:
    proceed(world, "claim", "publish")
    change(world, "HEAD", lease_owner=None, lease_until=None)
    change(world, 2, status="FAILED")


def add_dead_manifest(world: World) -> None:
    document = {**body_of(world, LAKE, manifest(world)), "run_id": "r9", "objects": []}
    put(world, f"manifests/sales/{version(1).hash}/{STRANGER}.json", json.dumps(document).encode())


def register(world: World, month: str, folder: str) -> None:
    (known,) = world.partitions.values()
    storage = {**known["StorageDescriptor"], "Location": f"s3://{LAKE}/published/sales/{folder}/"}
    world.partitions["sales", (month,)] = {"Values": [month], "StorageDescriptor": storage}


def retable(world: World, name: str, **storage: Any) -> None:
    table = world.tables[name]
    world.tables = {**world.tables, name: {**table, "StorageDescriptor": {**table["StorageDescriptor"], **storage}}}


PLANTED: list[tuple[str, str, Plant]] = [
    ("a promised object is gone", "object_missing", lambda world: lose(world, "published")),
    ("a promised quarantine object is gone", "object_missing", lambda world: lose(world, "quarantine")),
    (
        "an object was written over",
        "object_size_differs",
        lambda world: world.objects.update({of(world, "published"): b"longer"}),
    ),
    (
        "a killed function left an object",
        "object_unreferenced",
        lambda world: put(world, f"published/sales/m=01/{STRANGER}-0.parquet"),
    ),
    (
        "a killed function left a quarantine object",
        "object_unreferenced",
        lambda world: put(world, f"quarantine/sales/{STRANGER}-0.parquet"),
    ),
    ("somebody put a file into the table", "object_foreign", lambda world: put(world, "published/sales/m=01/mine.csv")),
    ("two sources promise one object", "object_promised_twice", promise_twice),
    ("the promised manifest is gone", "manifest_missing", lambda world: world.objects.pop((LAKE, manifest(world)))),
    ("the manifest is another run's", "manifest_disagrees", lambda world: edit(world, run_id="r9")),
    (
        "the manifest has other rows than its files",
        "manifest_rows_differ",
        lambda world: edit(world, files=[{"path": "a", "rows": 7, "bytes": 3}]),
    ),
    ("a dead run left a manifest", "manifest_unreferenced", add_dead_manifest),
    (
        "the run died before it removed what it replaced",
        "replaced_not_removed",
        lambda world: proceed(world, "claim", "publish", "complete"),
    ),
    ("a failed run left its publication", "pending_of_dead_run", leave_pending),
    (
        "an entry is PUBLISHED and its key promises nothing",
        "published_entry_without_promise",
        lambda world: world.items.update(
            {("s3://raw/x", "v1"): Item({**world.items[URI, "v1"], "source": "s3://raw/x"})}
        ),
    ),
    (
        "the promised version is not PUBLISHED",
        "promise_without_published_entry",
        lambda world: change(world, 1, status="FAILED"),
    ),
    (
        "a later version is PUBLISHED than is promised",
        "later_version_published",
        lambda world: change(world, 2, status="PUBLISHED"),
    ),
    ("the entry counts other rows", "entry_rows_differ", lambda world: change(world, 1, published=99)),
    (
        "a version is CLEANING without a lease",
        "cleaning_without_lease",
        lambda world: change(world, 2, status="CLEANING"),
    ),
    ("a run died with its lease", "lease_of_dead_run", lambda world: proceed(world, "claim")),
    (
        "the raw version of published rows is gone",
        "raw_version_gone",
        lambda world: world.objects.pop((RAW, f"{version(1).key}@v1")),
    ),
    ("a quarantine table is gone", "table_missing", lambda world: world.tables.pop("sales_quarantine")),
    ("a table is gone", "table_missing", lambda world: world.tables.pop("sales")),
    (
        "a table has another column",
        "table_columns_differ",
        lambda world: retable(world, "sales", Columns=[{"Name": "id", "Type": "bigint"}]),
    ),
    (
        "a table reads another folder",
        "table_location_differs",
        lambda world: retable(world, "sales", Location=f"s3://{LAKE}/elsewhere/"),
    ),
    ("a partition is not registered", "partition_missing", lambda world: world.partitions.clear()),
    ("a partition reads another folder", "partition_location_differs", lambda world: register(world, "01", "m=02")),
    ("a partition holds nothing", "partition_empty", lambda world: register(world, "07", "m=07")),
]
