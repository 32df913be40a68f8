"""`sluice smoke` passes on a healthy stack, leaves nothing, and where something is broken the right step says so."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.smoke import arrival, roles
from cli.smoke.run import smoke
from cli.smoke.steps import FAILED, PASSED, SKIPPED, Step, Unexpected
from cli.stack.connection import Stack, connect, deployed
from cli.stack.deployment import TEMPLATE
from local import LocalAWS, deploy, detached
from local.connection import ACCOUNT_ID

MINUTES = 2.0


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAWS]:
    """A local AWS of its own: the failures of other tests would ring its alarms."""
    with LocalAWS(wait_scale=0.02) as running:
        deploy(running, TEMPLATE, stack="sluice")
        yield running


@pytest.fixture
def stack(aws: LocalAWS) -> Stack:
    return deployed(aws.session(), "sluice")


@pytest.fixture
def prompt(aws: LocalAWS, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, at a prompt at which commands use the stack."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SLUICE_STACK", raising=False)
    detached.remember(aws)
    assert connect(None, None, None).raw == stack.raw
    return tmp_path


def by_name(steps: list[Step]) -> dict[str, Step]:
    return {step.name: step for step in steps}


def states(steps: list[Step], state: str) -> set[str]:
    return {step.name for step in steps if step.state == state}


def left(stack: Stack) -> list[str]:
    """What the smoke test's dataset has in the raw and the lake bucket, the ledger and the catalog."""
    found: list[str] = []
    for bucket in (stack.raw, stack.lake):
        pages = stack.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        found += [
            each["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, [])
        ]
    items = stack.client("dynamodb").scan(TableName=stack.ledger_table)["Items"]
    found += [item["source"]["S"] for item in items]
    glue, database = stack.client("glue"), stack.output("DatabaseName")
    tables = [table["Name"] for table in glue.get_tables(DatabaseName=database)["TableList"]]
    parts = glue.get_partitions(DatabaseName=database, TableName="sluice_smoke") if "sluice_smoke" in tables else {}
    return [name for name in found if "sluice_smoke" in name] + [str(part) for part in parts.get("Partitions", [])]


def after(name: str, do: Callable[[], Any]) -> Callable[[Step], None]:
    """Do something when a step has ended."""

    def show(step: Step) -> None:
        if step.name == name:
            do()

    return show


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_healthy_stack_passes_also_after_an_interrupted_test_and_nothing_is_left(stack: Stack, prompt: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        smoke(stack, TEMPLATE, minutes=MINUTES, show=after("bad file", interrupt))
    assert left(stack) != []
    report = prompt / "report.md"
    done = CliRunner().invoke(app, ["smoke", "--minutes", str(MINUTES), "--out", str(report), "--json"])
    steps = {step["name"]: step for step in json.loads(done.stdout)["steps"]}
    assert {name: step["found"] for name, step in steps.items() if step["state"] != PASSED} == {}
    assert (done.exit_code, len(steps)) == (0, 23)
    assert "raw " in steps["leftovers"]["found"]
    assert steps["correction"]["found"].startswith("3 rows = 2 published + 0 quarantined + 1 discarded")
    assert steps["redrive"]["found"].startswith("FAILED by ExecutionAborted, then 1 row = 1 published")
    assert steps["permissions"]["found"].endswith(f"of {len(role_names(stack))} roles")
    assert left(stack) == []
    assert ACCOUNT_ID not in done.stdout + report.read_text()
    assert report.read_text().count("| passed |") == len(steps)


def role_names(stack: Stack) -> list[str]:
    return [name for kind, name in arrival.resources(stack).values() if kind == "AWS::IAM::Role"]


def test_without_the_rule_nothing_arrives_and_the_report_says_which_rule_to_enable(stack: Stack, prompt: Path) -> None:
    rule, report = arrival.resources(stack)["UploadRule"][1], prompt / "report.md"
    stack.client("events").disable_rule(Name=rule)
    try:
        done = CliRunner().invoke(app, ["smoke", "--minutes", "0.05", "--out", str(report)])
    finally:
        stack.client("events").enable_rule(Name=rule)
    assert done.exit_code == 1
    assert f"good file: the rule {rule} (UploadRule) is DISABLED: aws events enable-rule --name {rule}" in done.stdout
    cells = [line.split(" | ") for line in report.read_text().splitlines() if line.startswith("| ")]
    found = {step: (state.removeprefix("| "), found) for state, step, _, found, _ in cells[1:]}
    assert found["good file"] == (FAILED, r"no event of it in the ledger after 0.05 minutes")
    assert {step for step, (state, _) in found.items() if state == FAILED} == {
        "good file",
        "bad file",
        "broken file",
        "redrive",
    }
    assert found["rows"] == (SKIPPED, "needs good file")
    assert found["clean-up"][0] == PASSED
    assert left(stack) == []


def test_a_permission_that_was_taken_away_is_named_and_what_does_not_need_it_passes(stack: Stack) -> None:
    iam, role = stack.client("iam"), arrival.resources(stack)["CleanRole"][1]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    statements = [each for each in document["Statement"] if "s3:PutObject" not in each["Action"]]
    assert len(statements) == len(document["Statement"]) - 1
    iam.put_role_policy(
        RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({**document, "Statement": statements})
    )
    try:
        steps = by_name(smoke(stack, TEMPLATE, minutes=MINUTES, show=lambda _: None))
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    assert steps["permissions"].found == "CleanRole has no s3:PutObject"
    assert "deploy the template again" in steps["permissions"].advice
    assert steps["good file"].found.startswith("FAILED: ")
    assert "a permission is missing" in steps["good file"].advice
    assert states([*steps.values()], PASSED) >= {"broken file", "dead letters", "clean-up"}
    assert left(stack) == []


def test_a_permission_that_another_policy_denies_is_named(stack: Stack) -> None:
    iam, known = stack.client("iam"), arrival.resources(stack)
    role = known["CompleteRole"][1]
    deny = {"Effect": "Deny", "Action": "events:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="guard", PolicyDocument=document)
    try:
        with pytest.raises(Unexpected, match=r"^CompleteRole: events:PutEvents on \S+ is denied \(explicitDeny\)$"):
            roles.permissions(stack, known, TEMPLATE)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="guard")


def test_a_missing_partition_and_the_rows_that_it_hides_are_named(stack: Stack) -> None:
    def lose() -> None:
        stack.client("glue").delete_partition(
            DatabaseName=stack.output("DatabaseName"), TableName="sluice_smoke", PartitionValues=["2025-02"]
        )

    steps = by_name(smoke(stack, TEMPLATE, minutes=MINUTES, show=after("good file", lose)))
    assert steps["partitions"].found == "missing or elsewhere: 2025-02"
    assert "sluice replay --source sluice_smoke/" in steps["partitions"].advice
    assert steps["rows"].found == "1 A1 red 10.50 2025-01-30 2025-01; 2 A2 blue 3.00 2025-01-31 2025-01"
    assert states([*steps.values()], FAILED) == {"partitions", "rows"}
    assert states([*steps.values()], SKIPPED) == set()
    assert left(stack) == []


def test_what_the_caller_may_not_try_is_skipped_and_says_which_right_it_needs(aws: LocalAWS, stack: Stack) -> None:
    iam = stack.client("iam")
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    rights = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["iam:*", "lambda:InvokeFunction"], "Resource": "*"},
    ]
    trust = json.dumps({"Version": "2012-10-17", "Statement": [root]})
    arn = iam.create_role(RoleName="tester", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": rights})
    iam.put_role_policy(RoleName="tester", PolicyName="rights", PolicyDocument=document)
    limited = deployed(aws.session(role_arn=arn), "sluice")
    steps = by_name(smoke(limited, TEMPLATE, minutes=MINUTES, show=lambda _: None))
    assert states([*steps.values()], SKIPPED) == {"permissions", "redrive", "redriven rows"}
    assert "iam:SimulatePrincipalPolicy" in steps["permissions"].found
    assert "lambda:InvokeFunction" in steps["redrive"].found
    assert states([*steps.values()], FAILED) == set()
    assert left(stack) == []
