"""An Iceberg table is compacted, corrected, restored and cleaned up; readers see the rows that the ledger promises."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local import LocalAWS, faults
from sluice.aws.dynamodb import Items
from sluice.maintain.maintain import clean_up
from sluice.maintain.promises import promises
from sluice.publish.lake import Catalog, Lake
from tests.chaos.world import World

DAY = 86_400
HEADER = (
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,"
    "transaction_timestamp"
)
DENIED = {"times": 999, "status": 400, "code": "ForcedFailure"}


@pytest.fixture(scope="module")
def world(aws: LocalAWS) -> World:
    """Six shops, each with a file of three lines in March and in April."""
    world = World.create(aws, stack="maintained", Database="maintained")
    for store in range(6):
        world.put(key_of(store), till(store, 1, 2, 3))
    assert world.settle(seconds=120) == []
    return world


@pytest.fixture(autouse=True)
def _no_faults_left(aws: LocalAWS) -> Iterator[None]:
    yield
    faults.clear(aws)


def key_of(store: int) -> str:
    return f"grocery/{store}/2017-03-04.csv"


def till(store: int, *quantities: int) -> bytes:
    lines = [
        f"{number},{store},{basket},{number},{quantity},1.00,0,0,0,10,2017-0{month}-04 00:54:15"
        for month in (3, 4)
        for basket in [store * 10 + month]
        for number, quantity in enumerate(quantities, 1)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


def rows(world: World) -> list[tuple[str | None, ...]]:
    """What readers see: (file, month, quantity)."""
    return sorted(tuple(row) for row in world.query("SELECT _source_key, sale_month, quantity FROM grocery"))


def expected(world: World, **changed: tuple[int, ...]) -> list[tuple[str, ...]]:
    quantities = {store: changed.get(f"store_{store}", (1, 2, 3)) for store in range(6)}
    return sorted(
        (f"s3://{world.raw}/{key_of(store)}", month, str(quantity))
        for store, some in quantities.items()
        for month in ("2017-03", "2017-04")
        for quantity in some
    )


def files(world: World) -> list[str]:
    paths = world.query('SELECT DISTINCT "$path" FROM grocery')
    return sorted(str(path).rpartition("/")[2] for (path,) in paths)


def age(world: World) -> None:
    """Make the table's snapshots two days older, as if nothing had been added since."""
    s3, glue = world.aws.client("s3"), world.aws.client("glue")
    table = glue.get_table(DatabaseName="maintained", Name="grocery")["Table"]
    key = table["Parameters"]["metadata_location"].removeprefix(f"s3://{world.lake}/")
    metadata = json.loads(s3.get_object(Bucket=world.lake, Key=key)["Body"].read())
    moments = [metadata, *metadata["snapshots"], *metadata["snapshot-log"], *metadata["metadata-log"]]
    for moment in moments:
        for name in {"timestamp-ms", "last-updated-ms"} & moment.keys():
            moment[name] -= 2 * DAY * 1000
    s3.put_object(Bucket=world.lake, Key=key, Body=json.dumps(metadata).encode())


def maintain(world: World) -> Any:
    answer = world.aws.client("lambda").invoke(FunctionName=world.role("MaintainFunction"), Payload=b"{}")
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result["grocery"]


def clean_up_in(world: World, days: int) -> int:
    """Clean up as so many days from now; return how many objects are deleted."""
    lake, catalog = Lake(world.aws.client("s3"), world.lake), Catalog(world.aws.client("glue"), "maintained")
    found = promises(Items(world.aws.client("dynamodb"), world.ledger).scan())["grocery"]
    return clean_up(lake, catalog, "grocery", found, snapshot_days=7, now=time.time() + days * DAY).objects


def test_readers_see_the_promised_rows_through_all_of_it(world: World) -> None:
    assert rows(world) == expected(world)
    assert len(files(world)) == 12
    assert maintain(world)["partitions"] == 0

    age(world)
    assert maintain(world)["partitions"] == 2
    assert [name.partition("-")[0] for name in files(world)] == ["compacted", "compacted"]
    assert rows(world) == expected(world)

    assert clean_up_in(world, days=8) >= 12
    assert rows(world) == expected(world)

    faults.inject(world.aws, "athena:GetQueryResults", role=world.role("CheckRole"), **DENIED)
    world.put(key_of(2), till(2, 8, 9))
    assert world.settle() == []
    assert faults.fired(world.aws) > 0
    faults.clear(world.aws)
    assert world.items([key_of(2)])[-1] is not None
    statuses = sorted(item["status"] for item in world.items([key_of(2)]) if "status" in item)
    assert statuses == ["FAILED", "PUBLISHED"]
    assert rows(world) == expected(world)

    world.put(key_of(3), till(3, 7))
    assert world.settle() == []
    assert rows(world) == expected(world, store_3=(7,))

    world.put(key_of(4), till(4))
    assert world.settle() == []
    assert rows(world) == expected(world, store_3=(7,), store_4=())

    clean_up_in(world, days=16)
    assert rows(world) == expected(world, store_3=(7,), store_4=())
