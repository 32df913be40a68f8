"""Files without any fault of AWS: delivered twice, late, all at once, during a crawl, together with a bad one."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from typing import Any

from local import faults
from local.waiting import StillWaiting, eventually
from sluice.aws.object_keys import run_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import put_json
from sluice.ingest import batch_hold
from sluice.ingest.upload_event import event_of
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Run, start
from tests.chaos.campaign import BROKEN, REDRIVEN, UNHELPED, Outcome
from tests.chaos.faults import FAILS, Point, strike
from tests.chaos.files import broken, sales
from tests.chaos.verify import verify
from tests.chaos.world import REDELIVERY_SECONDS, World

Scenario = Callable[[World], Sequence[str]]
"""Does something and returns the keys to verify; what is uploaded is in the world's memory."""


def play(world: World, scenario: Scenario, *, athena: bool = True, seconds: float = 120) -> Outcome:
    """Play a scenario to its end and verify it."""
    begun = time.monotonic()
    name = (scenario.__doc__ or "").splitlines()[0].rstrip(".")
    try:
        keys = scenario(world)
    except (AssertionError, StillWaiting) as wrong:
        faults.clear(world.aws)
        return Outcome("scenario", name, "no fault", BROKEN, round(time.monotonic() - begun, 2), problems=[str(wrong)])
    hanging = world.settle(seconds=seconds)
    faults.clear(world.aws)
    outcome, verified = UNHELPED, verify(world, keys, athena=athena)
    if hanging or not verified.right:
        # What only took long has not been helped.
        outcome = REDRIVEN if world.redrive(keys) else UNHELPED
        hanging = world.settle(seconds=seconds)
        verified = verify(world, keys, athena=athena)
    right = verified.right and not hanging
    world.redeliver_after(REDELIVERY_SECONDS)
    return Outcome(
        "scenario",
        name,
        "no fault",
        outcome if right else BROKEN,
        round(time.monotonic() - begun, 2),
        0,
        verified.lost,
        verified.doubled,
        [] if right else [*hanging, *verified.problems],
    )


def every_event_twice(world: World) -> Sequence[str]:
    """Every event is delivered twice, and the first one a third time when all is done."""
    keys = [f"sales/T{number}/2025-03-05.csv" for number in range(5)]
    queue = world.aws.client("sqs").get_queue_attributes(QueueUrl=world.queue, AttributeNames=["QueueArn"])
    rule = world.role("UploadRule")
    again = {"Id": "again", "Arn": queue["Attributes"]["QueueArn"]}
    world.aws.client("events").put_targets(Rule=rule, Targets=[again])
    for number, key in enumerate(keys):
        world.put(key, sales(number))
    world.settle()
    world.aws.client("events").remove_targets(Rule=rule, Ids=["again"])
    send_event(
        world, next(ObjectVersion.from_item(item) for item in world.items(keys[:1]) if item["version"] != "HEAD")
    )
    return keys


def orders() -> Iterator[Scenario]:
    """Three versions of a key, their events in each order: together, and each after the other is done."""
    for order in permutations(range(3)):
        for together in (True, False):
            yield _order(order, together=together)


def _order(order: Sequence[int], *, together: bool) -> Scenario:
    def three_versions(world: World) -> Sequence[str]:
        name = "".join(str(number + 1) for number in order)
        key = f"sales/O{name}{'A' if together else 'B'}/2025-03-05.csv"
        with unheard(world):
            versions = [world.put(key, sales(number)) for number in range(3)]
        for number in order:
            send_event(world, replace(versions[number], sequencer=f"0{number + 1}"))
            if not together:
                eventually(lambda number=number: _decided(world, versions[number]), seconds=60)  # type: ignore[misc]
        return [key]

    how = "together" if together else "one by one"
    three_versions.__doc__ = f"Events of versions {', '.join(str(number + 1) for number in order)}, {how}."
    return three_versions


def many_files_at_once(count: int) -> Scenario:
    """Many files of one dataset, uploaded at once."""

    def many(world: World) -> Sequence[str]:
        # Events wait for a free function here: to deliver them again meanwhile would only be more of them.
        world.redeliver_after(600)
        keys = [f"sales/M{number:04}/2025-03-05.csv" for number in range(count)]
        for number, key in enumerate(keys):
            world.put(key, sales(number % 12, store=f"M{number:04}"))
        return keys

    many.__doc__ = f"{count} files of one dataset at once."
    return many


def one_key_many_times(count: int) -> Scenario:
    """One key, uploaded again and again within a second."""

    def again(world: World) -> Sequence[str]:
        key = "sales/K001/2025-03-05.csv"
        for number in range(count):
            world.put(key, sales(number, store="K001"))
        return [key]

    again.__doc__ = f"The same key {count} times at once."
    return again


def a_crawl_runs_already(world: World) -> Sequence[str]:
    """A crawl runs already when the run wants one, twice."""
    role = world.role("EtlStateMachineRole")
    faults.inject(world.aws, "glue:StartCrawler", role=role, times=2, status=400, code="CrawlerRunningException")
    world.put("sales/C001/2025-03-05.csv", sales(400, store="C001"))
    return ["sales/C001/2025-03-05.csv"]


def a_rejected_version_changes_nothing(world: World) -> Sequence[str]:
    """A version that validation rejects leaves the one before it in the table."""
    key = "sales/R001/2025-03-05.csv"
    world.put(key, sales(1, store="R001"))
    world.settle()
    world.put(key, broken(2), rejected=True)
    return [key]


def one_of_many_is_gone(world: World) -> Sequence[str]:
    """A run of five sources; the version of one was deleted for good before it was cleaned."""
    keys, sources = waiting_files(world, "G", 5)
    world.aws.client("s3").delete_object(Bucket=world.raw, Key=keys[2], VersionId=sources[2].version_id)
    run_together(world, sources)
    world.settle()
    _expect(world, {sources[2].version_id: "FAILED"}, keys)
    world.uploads.pop(keys[2])
    return [key for key in keys if key != keys[2]]


def one_of_many_cannot_be_published(world: World) -> Sequence[str]:
    """A run of five sources; one fails while it is published, the others are published, it is named."""
    keys, sources = waiting_files(world, "P", 5)
    strike(world.aws, Point("PublishRole", "glue:BatchCreatePartition", 5), FAILS)
    run_together(world, sources)
    world.settle()
    statuses = sorted(item["status"] for item in world.items(keys) if item["version"] != "HEAD")
    if statuses != ["FAILED", *["PUBLISHED"] * 4]:
        raise AssertionError(f"the others were to be published: {statuses}")
    return keys


def what_cannot_be_handled(world: World) -> Sequence[str]:
    """Events that cannot be handled become dead letters with their error; a good event is still handled."""
    bodies = ["not an event", json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {}})]
    for body in bodies:
        world.aws.client("sqs").send_message(QueueUrl=world.queue, MessageBody=body)
    world.put("sales/D001/2025-03-05.csv", sales(1, store="D001"))
    world.settle()
    _expect_dead_letters(world, dict.fromkeys(bodies, "UnexpectedEvent"))
    # They fail again after a redrive.
    world.redrive([])
    _expect_dead_letters(world, dict.fromkeys(bodies, "UnexpectedEvent"))
    world.purge_dead_letters()
    return ["sales/D001/2025-03-05.csv"]


def an_outage_outlasts_all_deliveries(world: World) -> Sequence[str]:
    """An event fails at every delivery, becomes a dead letter with its reason, and is redriven."""
    key = "sales/D002/2025-03-05.csv"
    role = "*-ValidateRole-*"
    faults.inject(world.aws, "states:StartExecution", role=role, times=1000, status=400, code="Struck")
    version = world.put(key, sales(1, store="D002"))
    (message,) = eventually(world.dead_messages, seconds=120)
    reason = message.get("MessageAttributes", {}).get("error", {}).get("StringValue")
    if version.version_id not in message["Body"] or reason != "ClientError":
        raise AssertionError(f"not the expected dead letter: {reason} {message['Body']}")
    faults.clear(world.aws)
    return [key]


def _expect_dead_letters(world: World, reasons: Mapping[str, str]) -> None:
    def found() -> bool:
        messages = world.dead_messages()
        named = {message["Body"]: message.get("MessageAttributes", {}).get("error", {}) for message in messages}
        return {body: reason.get("StringValue") for body, reason in named.items()} == dict(reasons)

    eventually(found, seconds=60)


@contextmanager
def unheard(world: World) -> Iterator[None]:
    """Uploads of which no event comes."""
    events, rule = world.aws.client("events"), world.role("UploadRule")
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
    try:
        yield
        time.sleep(0.2)
    finally:
        events.put_targets(Rule=rule, Targets=targets)


def send_event(world: World, version: ObjectVersion) -> None:
    """Send an event of a version."""
    world.aws.client("sqs").send_message(QueueUrl=world.queue, MessageBody=json.dumps(event_of(version)))


def _decided(world: World, version: ObjectVersion) -> bool:
    statuses = {item["version"]: item.get("status") for item in world.items([version.key])}
    return statuses.get(version.version_id) in ("PUBLISHED", "SUPERSEDED")


def waiting_files(world: World, letter: str, count: int) -> tuple[list[str], list[ObjectVersion]]:
    """Files that are validated and wait for their batch, and their versions."""
    keys = [f"sales/{letter}{number:03}/2025-03-05.csv" for number in range(count)]
    for number, key in enumerate(keys):
        stem = ObjectVersion(world.raw, key, "", "", 0).hash
        world.put(key, sales(number, store=f"{letter}{number:03}"), tags=batch_hold.tag(stem, now=time.time()))
    versions = {upload.version.version_id for key in keys for upload in world.uploads[key]}

    def validated() -> list[dict[str, Any]]:
        items = [item for item in world.items(keys) if item["version"] in versions and "rows" in item]
        return items if len(items) == count else []

    found = {item["source"]: ObjectVersion.from_item(item) for item in eventually(validated, seconds=60)}
    return keys, [found[f"s3://{world.raw}/{key}"] for key in keys]


def run_together(world: World, sources: Sequence[ObjectVersion], *, attempt: int = 1) -> None:
    """Start one run of versions that wait."""
    run = Run.of("sales", sources, attempt=attempt)
    put_json(world.aws.client("s3"), world.work, run_key(run.run_id), run.to_dict())
    ledger = Ledger(world.aws.client("dynamodb"), world.ledger)
    for source in sources:
        ledger.assign(source, run_id=run.run_id)
    start(world.aws.client("stepfunctions"), world.machine, run)


def _expect(world: World, statuses: dict[str, str], keys: Sequence[str]) -> None:
    found = {item["version"]: item["status"] for item in world.items(keys) if item["version"] != "HEAD"}
    wanted = {version: statuses.get(version, "PUBLISHED") for version in found}
    if found != wanted:
        raise AssertionError(f"the ledger says {found}, not {wanted}")


SCENARIOS: tuple[Scenario, ...] = (
    every_event_twice,
    *orders(),
    one_key_many_times(20),
    a_crawl_runs_already,
    a_rejected_version_changes_nothing,
    one_of_many_is_gone,
    one_of_many_cannot_be_published,
    what_cannot_be_handled,
    an_outage_outlasts_all_deliveries,
)
