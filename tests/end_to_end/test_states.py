"""Each state fails once: the run is never green, the ledger has the error, and the table is as before."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local import LocalAWS, faults
from local.waiting import eventually
from sluice.ledger.ledger import HEAD
from tests.chaos.files import sales
from tests.chaos.world import Item, World

SMALL_FILE_BYTES = 20_000
DENIED = {"times": 999, "status": 400, "code": "ForcedFailure"}  # an error that no SDK repeats


@dataclass(frozen=True)
class Failure:
    """What makes a state fail: this action of this role (a logical id). large: the file takes the Glue job."""

    state: str
    role: str
    action: str
    large: bool = False


FAILURES = [
    Failure("Claim", "ClaimRole", "dynamodb:GetItem"),
    Failure("Clean", "CleanRole", "s3:GetObjectVersion"),
    Failure("CleanLarge", "EtlStateMachineRole", "glue:StartJobRun", large=True),
    Failure("Reconcile", "ReconcileRole", "s3:GetObject"),
    Failure("Publish", "PublishRole", "glue:GetTable"),
    Failure("PlanCheck", "PlanCheckRole", "s3:GetObject"),
    Failure("CountRows", "EtlStateMachineRole", "athena:StartQueryExecution"),
    Failure("Check", "CheckRole", "athena:GetQueryResults"),
    Failure("Complete", "CompleteRole", "dynamodb:*"),
]


@pytest.fixture(scope="module")
def world(aws: LocalAWS) -> World:
    """Here the first version of every file is published already."""
    world = World.create(aws, stack="states", Database="states", SmallFileBytes=str(SMALL_FILE_BYTES))
    for number, state in enumerate([failure.state for failure in FAILURES] + ["Undo"]):
        world.put(key_of(state), sales(10 * number))
    assert world.settle(seconds=200) == []
    assert {item["status"] for item in world.items() if item["version"] != HEAD} == {"PUBLISHED"}
    return world


@pytest.fixture(autouse=True)
def _no_faults_left(aws: LocalAWS) -> Iterator[None]:
    yield
    faults.clear(aws)


def key_of(state: str) -> str:
    return f"sales/{state}/2025-03-05.csv"


def published(world: World, key: str) -> list[tuple[str | None, ...]]:
    """The rows of a source in Athena: (transaction, quantity)."""
    query = f"SELECT transaction_id, quantity FROM sales WHERE _source_key = 's3://{world.raw}/{key}'"  # noqa: S608
    return sorted(tuple(row) for row in world.query(query))


def put(world: World, key: str, body: bytes) -> Item:
    """The ledger's item of an upload, once its run has ended."""
    version = world.put(key, body)
    assert world.settle() == []
    return next(item for item in world.items([key]) if item["version"] == version.version_id)


def execution(world: World, run_id: str) -> tuple[str, set[str]]:
    """The status of a run, and the states that it entered."""
    states = world.aws.client("stepfunctions")
    arn = world.execution_arn(run_id)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    entered = {event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event}
    return states.describe_execution(executionArn=arn)["status"], entered


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.state)
def test_a_state_that_fails_fails_the_run_and_changes_nothing(world: World, failure: Failure) -> None:
    number = 10 * FAILURES.index(failure)
    key = key_of(failure.state)
    before = published(world, key)
    assert len(before) == 8
    faults.inject(world.aws, failure.action, role=world.role(failure.role), **DENIED)
    entry = put(world, key, sales(number + 5, rows=400 if failure.large else 9))
    assert faults.fired(world.aws) > 0
    faults.clear(world.aws)
    status, entered = execution(world, entry["run_id"])
    assert status == "FAILED"
    assert failure.state in entered
    assert entry["status"] == "FAILED"
    assert any(text in f"{entry['error']} {entry['cause']}" for text in ("ForcedFailure", "injected fault"))
    assert published(world, key) == before


@pytest.mark.parametrize(
    ("role", "action", "number"),  # each number makes new partitions
    [
        ("EtlStateMachineRole", "glue:GetCrawler", 700),
        ("EtlStateMachineRole", "glue:StartCrawler", 800),
        ("CrawlerRole", "s3:ListBucket", 900),
    ],
)
def test_a_crawl_that_fails_is_an_alert_and_fails_no_run(world: World, role: str, action: str, number: int) -> None:
    key = f"sales/{action.partition(':')[2]}/2025-04-05.csv"
    faults.inject(world.aws, action, role=world.role(role), **DENIED)
    entry = put(world, key, sales(number))
    assert faults.fired(world.aws) > 0
    status, entered = execution(world, entry["run_id"])
    assert (entry["status"], status) == ("PUBLISHED", "SUCCEEDED")
    assert "CompareCrawl" in entered
    assert len(published(world, key)) == 8


def test_rows_that_cannot_be_removed_fail_the_run_and_are_removed_by_recover(world: World) -> None:
    key = key_of("Complete")
    faults.inject(world.aws, "s3:*", role=world.role("RemoveReplacedRole"), **DENIED)
    entry = put(world, key, sales(700, rows=9))
    status, entered = execution(world, entry["run_id"])
    assert (entry["status"], status) == ("PUBLISHED", "FAILED")
    assert "RemoveReplaced" in entered
    eventually(lambda: len(published(world, key)) == 9, seconds=30)


def test_an_undo_that_fails_is_done_by_recover(world: World) -> None:
    key = key_of("Undo")
    before = published(world, key)
    faults.inject(world.aws, "athena:StartQueryExecution", role=world.role("EtlStateMachineRole"), **DENIED)
    faults.inject(world.aws, "s3:*", role=world.role("UndoRole"), **DENIED)
    entry = put(world, key, sales(505))
    assert execution(world, entry["run_id"])[0] == "FAILED"
    eventually(lambda: published(world, key) == before, seconds=30)


def test_a_report_that_fails_leaves_the_run_failed(world: World) -> None:
    key = key_of("Report")
    faults.inject(world.aws, "s3:GetObject", role=world.role("ReconcileRole"), **DENIED)
    faults.inject(world.aws, "sns:Publish", role=world.role("ReportRole"), **DENIED)
    entry = put(world, key, sales(600))
    assert (entry["status"], execution(world, entry["run_id"])[0]) == ("FAILED", "FAILED")
    assert published(world, key) == []
