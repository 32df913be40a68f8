"""The fault campaign in small (`make chaos` does all of it): a call fails, and the table still has the latest rows."""

import json
from collections.abc import Iterator

import pytest

from local import LocalAWS, faults
from tests.chaos.campaign import CHECK_FAILS, MACHINE_DIES, REDRIVEN, UNHELPED, Campaign
from tests.chaos.faults import FAILS, KILLED, LOST, LOST_ONCE, Disturbance, Point
from tests.chaos.late import late_publishes
from tests.chaos.scenarios import (
    Scenario,
    every_event_twice,
    one_key_many_times,
    one_of_many_cannot_be_published,
    orders,
    play,
)
from tests.chaos.verify import verify
from tests.chaos.world import World

RUN = "run"


@pytest.fixture(scope="module")
def campaign() -> Iterator[Campaign]:
    with LocalAWS(wait_scale=0.01) as aws:
        made = Campaign(World.create(aws))
        made.observe()
        yield made


@pytest.fixture(autouse=True)
def _no_faults_left(campaign: Campaign) -> Iterator[None]:
    yield
    faults.clear(campaign.world.aws)


@pytest.mark.parametrize(
    ("disturbance", "survived"),
    [
        (Disturbance(RUN, Point("ValidateRole", "states:StartExecution", 1), LOST_ONCE), UNHELPED),
        (Disturbance(RUN, Point("ClaimRole", "dynamodb:TransactWriteItems", 1), LOST), UNHELPED),
        (Disturbance(RUN, Point("PublishRole", "s3:PutObject", 3), KILLED), UNHELPED),
        (Disturbance(RUN, Point("PublishRole", "glue:BatchCreatePartition", 1), FAILS), REDRIVEN),
        (Disturbance(RUN, Point("CompleteRole", "dynamodb:TransactWriteItems", 1), KILLED), UNHELPED),
        (Disturbance(RUN, Point("RemoveReplacedRole", "s3:DeleteObject", 1), FAILS), UNHELPED),
        (Disturbance(RUN, Point("RemoveReplacedRole", "dynamodb:UpdateItem", 1), KILLED), UNHELPED),
        (Disturbance(RUN, Point("EtlStateMachineRole", "glue:StartCrawler", 1), KILLED), UNHELPED),
        (Disturbance("undo", Point("UndoRole", "s3:DeleteObject", 1), FAILS, CHECK_FAILS), REDRIVEN),
        (Disturbance("recover", Point("RecoverRole", "s3:DeleteObject", 1), KILLED, MACHINE_DIES), REDRIVEN),
    ],
    ids=str,
)
def test_a_fault_loses_and_doubles_nothing(campaign: Campaign, disturbance: Disturbance, survived: str) -> None:
    outcome = campaign.disturb(disturbance)
    assert outcome.problems == []
    assert outcome.survived == survived
    assert outcome.strikes > 0


@pytest.mark.parametrize(
    ("scenario", "survived"),
    [
        (every_event_twice, UNHELPED),
        (list(orders())[8], UNHELPED),
        (one_key_many_times(5), UNHELPED),
        (one_of_many_cannot_be_published, REDRIVEN),
        (list(late_publishes())[1], UNHELPED),
    ],
    ids=lambda given: (given.__doc__ or "").rstrip(".") if callable(given) else "",
)
def test_files_may_come_as_they_like(campaign: Campaign, scenario: Scenario, survived: str) -> None:
    outcome = play(campaign.world, scenario)
    assert outcome.problems == []
    assert outcome.survived == survived


def test_the_verify_sees_a_row_that_is_lost_and_one_that_is_doubled(campaign: Campaign) -> None:
    s3, world = campaign.world.aws.client("s3"), campaign.world
    [head] = [item for item in world.items([campaign.key]) if item["version"] == "HEAD"]
    manifest = json.loads(s3.get_object(Bucket=world.lake, Key=head["published_manifest"])["Body"].read())
    key = next(each["key"] for each in manifest["objects"] if each["key"].startswith("published/"))
    copied = s3.copy_object(
        Bucket=world.lake, Key=key.replace("-000.", "-777."), CopySource={"Bucket": world.lake, "Key": key}
    )
    doubled = verify(world, [campaign.key])
    s3.delete_object(Bucket=world.lake, Key=key.replace("-000.", "-777."), VersionId=copied["VersionId"])
    assert doubled.doubled > 0
    assert any(problem.startswith("orphan") for problem in doubled.problems)
    marker = s3.delete_object(Bucket=world.lake, Key=key)["VersionId"]
    lost = verify(world, [campaign.key])
    s3.delete_object(Bucket=world.lake, Key=key, VersionId=marker)
    assert lost.lost > 0
    assert verify(world, [campaign.key]).right
