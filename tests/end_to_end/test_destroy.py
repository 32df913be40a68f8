"""Deleting a stack keeps what the page says and nothing else; `sluice destroy` removes it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.stack.connection import NoStack
from local import DeployFailed, LocalAWS, deploy
from local.deploy import delete
from tests.chaos.files import sales
from tests.chaos.world import World
from tests.end_to_end.command import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations" / "uninstall.md").read_text()
DOCUMENTED = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", PAGE, re.MULTILINE))


@pytest.fixture
def command(aws: LocalAWS, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    return Command()


def buckets(aws: LocalAWS, stack: str) -> set[str]:
    return {entry["Name"] for entry in aws.client("s3").list_buckets()["Buckets"] if entry["Name"].startswith(stack)}


def test_what_a_deleted_stack_leaves_is_documented_and_destroyed(aws: LocalAWS, command: Command) -> None:
    world = World.create(aws, stack="leaving", Database="leaving", HashKey="own")
    world.put("sales/S001/2025-03-05.csv", sales(1))
    assert world.settle() == []
    resources = world.stack.resources
    with pytest.raises(NoStack, match="sam delete"):
        command("destroy", "--stack", "leaving", "--yes")
    delete(aws, "leaving")
    assert buckets(aws, "leaving") == {resources[name] for name in ("RawBucket", "LakeBucket", "AccessLogsBucket")}
    refused = CliRunner().invoke(app, ["destroy", "--stack", "leaving"], input="leavin\n")
    assert (refused.exit_code, "nothing was removed" in refused.output) == (1, True)
    assert aws.client("s3").list_objects_v2(Bucket=world.raw)["KeyCount"] == 1

    removed = command.json("destroy", "--stack", "leaving", "--yes")

    assert {each["resource"] for each in removed} == DOCUMENTED
    assert {each["id"] for each in removed} == {resources[name] for name in DOCUMENTED}
    assert buckets(aws, "leaving") == set()
    assert resources["LedgerTable"] not in aws.client("dynamodb").list_tables()["TableNames"]
    assert aws.client("kms").describe_key(KeyId=resources["DataKey"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert command.json("destroy", "--stack", "leaving", "--yes") == []


def test_a_first_deployment_that_fails_leaves_nothing(aws: LocalAWS) -> None:
    role = aws.client("iam").list_roles()["Roles"][0]["Arn"]
    targets = {"S3Targets": [{"Path": "s3://elsewhere/"}]}
    aws.client("glue").create_crawler(Name="failing-published", Role=role, DatabaseName="failing", Targets=targets)
    with pytest.raises(DeployFailed, match="failing-published already exists"):
        deploy(aws, ROOT / "template.yaml", stack="failing", parameters={"Database": "failing"})
    stack = aws.client("cloudformation").describe_stacks(StackName="failing")["Stacks"][0]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert buckets(aws, "failing") == set()
    assert not [name for name in aws.client("dynamodb").list_tables()["TableNames"] if name.startswith("failing")]
    events = aws.client("cloudformation").describe_stack_events(StackName="failing")["StackEvents"]
    [key] = {each["PhysicalResourceId"] for each in events if each["LogicalResourceId"] == "DataKey"} - {""}
    assert aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
