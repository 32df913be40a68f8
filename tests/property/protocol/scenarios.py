"""One key whose version 1 is published, and the run of version 2 in all its stages, against others.

Versions differ in their partitions and in whether they have quarantined rows. What happens to them is done by the
real ledger, publisher and removal; only the shells of the functions are left out.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from sluice.aws.object_keys import manifest_key, staging_prefix
from sluice.errors import SluiceError
from sluice.publish import inventory, tables
from sluice.publish.verify import verify
from tests.property.protocol.clients import Clients
from tests.property.protocol.explorer import (
    LOST,
    RAW,
    WORK,
    Actor,
    Explorer,
    Fault,
    Found,
    Function,
    alone,
)
from tests.property.protocol.steps import (
    DATABASE,
    LAKE,
    LATER,
    MONTHS,
    STATES,
    Steps,
    account,
    in_turn,
    version,
)
from tests.property.protocol.world import LONG_AGO, World, body_of


def run(*stages: str, now: float = 0.0) -> dict[str, Function]:
    """What machines do, as "2 publish 1": the state `publish` of the run of version 2, its first try.

    A state that breaks is tried again, once; one that fails, or breaks twice, is followed by the undo of its run. Then
    the next version's states follow.
    """
    functions: dict[str, Function] = {}
    for place, stage in enumerate(stages):
        number, name = stage.split(" ")
        following = [f"{each} 1" for each in stages[place + 1 :]]
        others = [each for each in following if each[0] != number]
        after, undo = (following or [""])[0], (others or [""])[0]
        failed = undo if name == "undo" else f"{number} undo 1"
        for attempt, broken in ((1, f"{stage} 2"), (2, failed)):
            functions[f"{stage} {attempt}"] = _state(name, int(number), now, after, broken, failed)
        functions |= {
            f"{number} undo 1": _state("undo", int(number), now, undo, f"{number} undo 2", undo),
            f"{number} undo 2": _state("undo", int(number), now, undo, undo, undo),
        }
    return functions


def _state(name: str, number: int, now: float, done: str, broken: str, failed: str) -> Function:
    def state(clients: Clients) -> str:
        try:
            getattr(Steps(clients, now), name)(number)
        except SluiceError:
            return failed
        except OSError:
            return broken
        return done

    return state


def begun(*states: str) -> World:
    """The world in which version 1 is published, and these states of the run of version 2 are done."""
    world = World()
    for number in MONTHS:
        prefix = staging_prefix(f"r{number}", version(number))
        world.objects[WORK, manifest_key(f"r{number}", version(number))] = json.dumps(
            account(number).to_dict()
        ).encode()
        for file in (*account(number).files, *account(number).quarantine_files):
            world.objects[WORK, prefix + file.path] = f"r{number}".encode() + b"."
        world.objects[RAW, f"{version(number).key}@{version(number).version_id}"] = b"."

    def first(clients: Clients) -> None:
        tables.ensure(clients, DATABASE, "sales", location=f"s3://{LAKE}/", declaration=account(1))
        steps = Steps(clients)
        for name in ("accept", *STATES):
            getattr(steps, name)(1)
        for name in ("accept", *states):
            getattr(steps, name)(2)

    world, ended = alone(world, first)
    assert ended == "ok", ended
    return world


@dataclass(frozen=True)
class Scenario:
    """begin: the states of version 2's run that are done.

    may_leave: functions that may be deprived of their right while they copy. One that dies between a copy and the look
    after it leaves what it wrote, and `sluice verify` finds that.
    """

    name: str
    begin: tuple[str, ...]
    actors: tuple[Actor, ...]
    may_leave: frozenset[str]

    def __str__(self) -> str:
        return self.name

    def explore(self, *, budget: int, seconds: float = 1e9, first: bool = False) -> Found:
        with in_turn():
            explorer = Explorer(self.actors, always=broken_promises, at_end=self._at_end)
            return explorer.explore(begun(*self.begin), budget=budget, seconds=seconds, first=first)

    def _at_end(self, world: World, ended: dict[str, str], faults: tuple[Fault, ...]) -> list[str]:
        """When nobody runs: the key goes on, and then nothing is left but what is promised."""
        problems = [f"{name} raised {how}" for name, how in ended.items() if how not in EXPECTED]
        died = {function for function, how in faults if how != LOST}
        failed = world.items[version(2).uri, version(2).version_id].get("failed_run")
        if not died and failed and head(world).get("lease_owner") == failed:
            problems.append("a failed run holds the key")
        world, how = alone(world, _healed)
        if how != "ok":
            return [*problems, f"the key is stuck: {how}"]
        if head(world)["published_run"] != "r5":
            problems.append("a later version cannot be published")
        manifest = head(world)["published_manifest"]
        left = keys(world) - _objects(world, [manifest]) - {manifest}
        if died and left - named_by_verify(world):
            problems.append("verify does not find what is left")
        if left and not died & self.may_leave:
            problems.append(f"left for ever: {sorted(key.split('/')[0] for key in left)}")
        return problems + broken_promises(world)


def head(world: World) -> dict[str, Any]:
    return world.items[version(1).uri, "HEAD"]


def keys(world: World, prefix: str = "") -> set[str]:
    return {key for bucket, key in world.objects if bucket == LAKE and key.startswith(prefix)}


def _objects(world: World, manifests: list[str]) -> set[str]:
    return {each["key"] for key in manifests for each in body_of(world, LAKE, key).get("objects", [])}


def broken_promises(world: World) -> list[str]:
    """Whatever happens: what the ledger promises is there, and queries see it."""
    key = head(world)["published_manifest"]
    if key not in keys(world):
        return ["the promised manifest is gone"]
    problems = [] if _objects(world, [key]) <= keys(world) else ["promised objects are gone"]
    months = {part["values"]["m"] for part in body_of(world, LAKE, key)["partitions"]}
    if not months <= {values[0] for _, values in world.partitions}:
        problems.append("promised objects are in no partition")
    return problems


def named_by_verify(world: World) -> set[str]:
    """The keys that `sluice verify` names, a day after."""
    clients = Clients(world.do)
    stores = inventory.Stores(clients, clients, clients, "ledger", LAKE, RAW, DATABASE)
    return {each.subject for each in verify(stores, now=LONG_AGO.timestamp() + 86_400)}


def _healed(clients: Clients) -> None:
    """What comes after any end: recovery of the runs that died, and two later versions that go their way."""
    steps = Steps(clients, now=LATER)
    for number in (2, 3):
        if steps.ledger.entry(version(number)):
            steps.recover(number)
    for number in (4, 5):
        later = replace(steps, now=LATER * number)
        later.accept(number)
        for name in STATES:
            getattr(later, name)(number)


EXPECTED = {"ok", "killed", "OSError", "LeaseLost", "SourceBusy", "ClaimRefused", "ManifestRefused", "ManifestMissing"}


def _late(state: str) -> Actor:
    """One invocation of a state that goes on while its machine believes it dead, or that came twice."""

    def late(clients: Clients) -> str:
        getattr(Steps(clients), state)(2)
        return ""

    return Actor(f"late {state}", {state: late})


LATE = (*STATES, "undo", "recover")
NEXT = tuple(f"3 {name}" for name in ("accept", *STATES))


def scenarios(*, small: bool = False) -> list[Scenario]:
    """Each state of version 2's run twice at once, in each way in which the run can go on; and version 3 meanwhile.

    small: nothing comes between the calls of one state of version 3, which comes only after a run that gives up.
    """
    at_once = "3" if small else "-"
    redriven = {
        "2 undo 1": _state("undo", 2, 0.0, "2 reopen 1", "", ""),
        "2 reopen 1": _state("reopen", 2, 0.0, "", "", ""),
    }
    found = [
        Scenario(
            f"before claim: late claim, and the run {how}", (), (_late("claim"), Actor("run", functions)), frozenset()
        )
        for how, functions in (("gives up", run("2 undo")), ("is redriven", redriven))
    ]
    for done in range(1, len(STATES)):
        begin, rest = STATES[:done], [f"2 {name}" for name in STATES[done:]]
        after = f"after {begin[-1]}"
        ways = {"finishes": run(*rest, *(() if small and done == 1 else NEXT)), "gives up": run("2 undo", *NEXT)}
        for late in LATE:
            if late in STATES[: done - 1]:
                continue  # it would find what the state after it has left
            for how, functions in ways.items():
                actors = (_late(late), Actor("run", functions, at_once))
                name = f"{after}: late {late}, and the run {how}"
                deprived = {"2 publish 1", "2 publish 2"} if late in ("undo", "recover") else set()
                found.append(Scenario(name, begin, actors, frozenset({"publish", *deprived})))
        for name, now in (("arrives", 0.0), ("overtakes the run", LATER)):
            actors = (Actor("run", run(*rest)), Actor("version 3", run(*NEXT, now=now), at_once))
            found.append(
                Scenario(f"{after}: version 3 {name}", begin, actors, frozenset({"2 publish 1", "2 publish 2"}))
            )
    return found
