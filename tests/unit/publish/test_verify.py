"""Every kind of difference between the ledger and what is there is planted, named as itself, and repaired if safe."""

import itertools
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import cli.commands.verify as command
from cli.main import app
from cli.stack.connection import Stack
from cli.stack.repair_lake import repair
from sluice.publish.inventory import Stores
from sluice.publish.verify import ADVICE, REPAIRABLE, Difference, verify
from tests.property.protocol.calls import Call
from tests.property.protocol.clients import Clients
from tests.property.protocol.explorer import RAW
from tests.property.protocol.scenarios import begun, head, keys
from tests.property.protocol.steps import DATABASE, LAKE, account, in_turn
from tests.property.protocol.world import LONG_AGO, Item, World, body_of
from tests.unit.publish.plants import (
    NOW,
    PLANTED,
    STRANGER,
    URI,
    Plant,
    add_dead_manifest,
    manifest,
    proceed,
    put,
    register,
)


def found(world: World, answer: Callable[[Call], Any] | None = None, **how: Any) -> list[Difference]:
    clients = Clients(answer or world.do)
    stores = Stores(clients, clients, clients, "ledger", LAKE, RAW, DATABASE)
    with in_turn():
        return list(verify(stores, now=NOW, **how))


def stack(world: World, answer: Callable[[Call], Any] | None = None) -> Stack:
    session = SimpleNamespace(client=lambda service, config: Clients(answer or world.do))
    names = {"LakeBucketName": LAKE, "LedgerTableName": "ledger", "DatabaseName": DATABASE, "RawBucketName": RAW}
    return Stack("acme", session, names, local=True)


@pytest.fixture
def world() -> World:
    with in_turn():
        made = begun()
    made.tables = dict(made.tables)
    return made


def test_a_lake_as_the_ledger_promises_has_no_difference(world: World):
    assert found(world) == []


@pytest.mark.parametrize(("kind", "plant"), [plant[1:] for plant in PLANTED], ids=[plant[0] for plant in PLANTED])
def test_a_difference_is_named_as_what_it_is_and_repaired_if_that_is_safe(world: World, kind: str, plant: Plant):
    plant(world)

    differences = found(world)
    with in_turn():
        for each in differences:
            if each.kind in REPAIRABLE:
                repair(stack(world), each)

    assert [each.kind for each in differences] == [kind]
    assert [each.kind for each in found(world)] == ([] if kind in REPAIRABLE else [kind])


def test_every_kind_is_planted_and_has_its_advice():
    elsewhere = {"query_rows_differ", "file_not_in_snapshot", "file_not_promised"}
    assert {kind for _, kind, _ in PLANTED} | elsewhere == set(ADVICE)


@pytest.mark.parametrize(("rows", "kinds"), [(1, []), (0, ["query_rows_differ"] * 2), (2, ["query_rows_differ"] * 2)])
def test_what_athena_counts_is_what_the_manifests_have(world: World, rows: int, kinds: list[str]):
    assert [each.kind for each in found(world, count=lambda table: rows)] == kinds


def test_rows_of_a_publication_that_has_begun_may_be_counted_or_not(world: World):
    proceed(world, "claim", "publish")

    for rows in (1, 2, 3):
        kinds = {each.kind for each in found(world, count=lambda table, rows=rows: rows if table == "sales" else 1)}
        assert kinds == {"pending_of_dead_run", "lease_of_dead_run"}  # the clock says that this run is dead


def test_repairing_takes_nothing_that_the_ledger_names_even_if_its_manifest_is_gone(world: World):
    world.objects.pop((LAKE, manifest(world)))
    before = keys(world)

    for each in found(world):
        assert each.kind not in REPAIRABLE

    assert keys(world) == before


def test_what_is_younger_than_an_hour_may_be_of_a_run_that_goes_on(world: World):
    put(world, f"published/sales/m=01/{STRANGER}-0.parquet")
    add_dead_manifest(world)
    clients = Clients(world.do)
    stores = Stores(clients, clients, clients, "ledger", LAKE, RAW, DATABASE)

    with in_turn():
        assert list(verify(stores, now=(LONG_AGO + timedelta(minutes=59)).timestamp())) == []


def test_a_run_that_goes_on_meanwhile_is_no_difference(world: World):
    calls = 0

    def counting(call: Call) -> Any:
        nonlocal calls
        calls += 1
        return world.do(call)

    assert found(world, counting) == []
    for at in range(calls):
        assert _found_while_version_2_is_published(at) == [], at


def _found_while_version_2_is_published(at: int) -> list[Difference]:
    with in_turn():
        world = begun()
    return found(world, publishing_version_2(world, at))


def publishing_version_2(world: World, at: int) -> Callable[[Call], Any]:
    """Answer calls; before the one with this number the whole run of version 2 happens."""
    made = itertools.count()

    def answer(call: Call) -> Any:
        if next(made) == at:
            proceed(world, "claim", "publish", "complete", "remove")
        return world.do(call)

    return answer


@pytest.mark.parametrize("at", range(4))
def test_a_partition_that_a_run_fills_while_it_is_dropped_is_registered(world: World, at: int):
    register(world, "02", "m=02")
    (empty,) = found(world)

    repair(stack(world, publishing_version_2(world, at)), empty)

    assert "02" in {part["values"]["m"] for part in body_of(world, LAKE, manifest(world))["partitions"]}
    assert ("sales", ("02",)) in world.partitions


def test_an_empty_partition_is_listed_and_does_not_fail_the_command(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "connect", lambda *_: stack(world))
    register(world, "07", "m=07")

    with in_turn():
        result = CliRunner().invoke(app, ["verify", "--no-query", "--json"])

    assert [each["kind"] for each in json.loads(result.stdout)["differences"]] == ["partition_empty"]
    assert result.exit_code == 0


def test_the_command_repairs_what_is_safe_names_the_rest_and_exits_with_1(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "connect", lambda *_: stack(world))
    left = f"published/sales/m=01/{STRANGER}-0.parquet"
    put(world, left)
    put(world, "published/sales/m=01/mine.csv")

    with in_turn():
        result = CliRunner().invoke(app, ["verify", "--repair", "--no-query", "--json"])

    told = json.loads(result.stdout)
    assert [(each["kind"], each["subject"]) for each in told["repaired"]] == [("object_unreferenced", left)]
    assert [each["kind"] for each in told["differences"]] == ["object_foreign"]
    assert result.exit_code == 1


def test_two_hundred_sources_are_compared_with_one_read_a_source():
    world, requests = lake_of(200), Counter[str]()

    def counting(call: Call) -> Any:
        requests[call.operation] += 1
        return world.do(call)

    assert found(world, counting) == []
    assert requests.pop("get_object") == 200
    assert requests.total() < 15


def lake_of(sources: int) -> World:
    """A healthy lake: version 1 of one key, as often as this under other keys."""
    with in_turn():
        world = begun()
    document, promised = body_of(world, LAKE, manifest(world)), head(world)
    for number in range(sources - 1):
        key, stem = f"sales/S2/{number}.csv", f"{number:032x}"
        uri, named = f"s3://{RAW}/{key}", f"manifests/sales/{number:032x}/{stem}.json"
        objects = [
            {**each, "key": f"{each['key'].rpartition('/')[0]}/{stem}-0.parquet"} for each in document["objects"]
        ]
        source = {**document["source"], "key": key}
        put(world, named, json.dumps({**document, "source": source, "objects": objects}).encode())
        for each in objects:
            put(world, each["key"])
        world.items[uri, "HEAD"] = Item({**promised, "source": uri, "published_manifest": named})
        world.items[uri, "v1"] = Item({**world.items[URI, "v1"], "source": uri})
        world.objects[RAW, f"{key}@v1"] = b"."
    return world


def test_the_account_of_a_version_has_the_rows_of_its_months():
    assert account(1).rows_in == account(1).published + account(1).quarantined == 2
