"""A failed version is redriven once, however often redrive is called."""

import json
from collections import Counter
from typing import Any

import boto3
import pytest

from cli.stack.connection import Stack
from cli.stack.redrive import redrive, redrive_dead_letters
from sluice.aws.object_version import ObjectVersion
from sluice.errors import ClaimRefused
from sluice.ledger.ledger import Ledger
from sluice.ledger.runs import Run
from tests.unit.cloud import ACCOUNT, LEDGER, MACHINE, REGION, WORK, Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"
RECOVER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:recover"


class Functions:
    """Lambda, of which moto cannot run anything."""

    def __init__(self) -> None:
        self.invoked: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> None:
        self.invoked.append(request)


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    outputs = {"WorkBucketName": WORK, "LedgerTableName": LEDGER, "StateMachineArn": MACHINE}
    return Stack("acme", boto3.Session(), outputs, local=False)


@pytest.fixture
def queue(cloud: Cloud) -> str:
    return str(cloud.sqs.create_queue(QueueName="uploads")["QueueUrl"])


@pytest.fixture
def dead_letters(cloud: Cloud) -> str:
    return str(cloud.sqs.create_queue(QueueName="dead_letters")["QueueUrl"])


def failed(cloud: Cloud) -> ObjectVersion:
    source = cloud.put(KEY, as_csv({}))
    cloud.run(source, until="publish")
    cloud.step("undo", source, error={"Error": "CheckFailed", "Cause": ""})
    return source


def bodies(queue: str) -> list[str]:
    sqs = boto3.client("sqs")
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in got]


def started(cloud: Cloud) -> list[Run]:
    """The inputs of the executions that were started by a redrive."""
    found = cloud.stepfunctions.list_executions(stateMachineArn=MACHINE)["executions"]
    inputs = (cloud.stepfunctions.describe_execution(executionArn=each["executionArn"])["input"] for each in found)
    runs = (Run.from_dict(json.loads(each)) for each in inputs)
    return [run for run in runs if run.run_id.endswith("-2")]


def test_a_failed_version_is_published_by_another_run(cloud: Cloud, stack: Stack):
    source = failed(cloud)
    run = redrive(stack, [cloud.ledger.entry(source)])
    assert started(cloud) == [run]
    assert run.sources == (ObjectVersion.from_item(cloud.ledger.entry(source)),)
    assert cloud.ledger.entry(source)["run_id"] == run.run_id
    for state in ("claim", "clean", "reconcile", "publish", "complete"):
        cloud.step(state, source)
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"
    assert cloud.table().height == 1


def test_an_interrupted_redrive_can_be_repeated(cloud: Cloud, stack: Stack):
    source = failed(cloud)
    cloud.ledger.reopen(source)
    run = redrive(stack, [cloud.ledger.entry(source)])
    assert redrive(stack, [cloud.ledger.entry(source)]) == run
    assert started(cloud) == [run]


def test_a_version_that_has_not_failed_any_more_is_not_redriven(cloud: Cloud, stack: Stack):
    source = failed(cloud)
    entry = cloud.ledger.entry(source)
    redrive(stack, [entry])
    for state in ("claim", "clean", "reconcile", "publish", "complete"):
        cloud.step(state, source)
    with pytest.raises(ClaimRefused):
        redrive(stack, [entry])
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"
    assert len(started(cloud)) == 1


def test_a_version_that_was_held_for_a_batch_is_not_held_again(cloud: Cloud):
    source = failed(cloud)
    cloud.ledger.note_put(source, origin="backfill", hold=True)
    cloud.ledger.reopen(source)
    assert cloud.validate(source) == {"batchItemFailures": []}
    assert cloud.ledger.entry(source)["run_id"].endswith("-2")


def test_two_concurrent_reopens_make_one_attempt(cloud: Cloud):
    source = failed(cloud)

    class Slow(Ledger):
        """Another reopens, and its attempt fails, between this one's reading and writing."""

        def entry(self, source: ObjectVersion) -> dict[str, Any]:
            read = super().entry(source)
            if read["attempt"] == 1:
                cloud.ledger.reopen(source)
                cloud.ledger.fail(source, run_id=read["run_id"], error="Again", cause="")
            return read

    with pytest.raises(ClaimRefused):
        Slow(cloud.dynamodb, LEDGER).reopen(source)
    assert cloud.ledger.entry(source)["attempt"] == 2


def test_dead_letters_go_back_to_their_queue_or_functions(cloud: Cloud, queue: str, dead_letters: str):
    ended = {"source": "aws.states", "detail": {"name": "sales-1"}}
    wrapped = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": ended}
    for body in (json.dumps({"source": "aws.s3"}), "not JSON", json.dumps(wrapped), json.dumps(ended)):
        cloud.sqs.send_message(QueueUrl=dead_letters, MessageBody=body)
    functions = Functions()
    done = _redrive(cloud, functions, queue, dead_letters)
    assert done == {"uploads": 2, "runs": 2}
    assert sorted(bodies(queue)) == ["not JSON", '{"source": "aws.s3"}']
    request = {"InvocationType": "Event", "Payload": json.dumps(ended)}
    assert functions.invoked == [{"FunctionName": name, **request} for name in (RECOVER, "describe")] * 2
    assert bodies(dead_letters) == []


def test_an_event_of_sluice_goes_to_describe_and_not_to_the_upload_queue(cloud: Cloud, queue: str, dead_letters: str):
    notification = {"source": "sluice", "detail-type": "RunFailed", "detail": {"dataset": "sales"}}
    cloud.sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps(notification))
    functions = Functions()
    assert _redrive(cloud, functions, queue, dead_letters) == {"notifications": 1}
    assert [(each["FunctionName"], json.loads(each["Payload"])) for each in functions.invoked] == [
        ("describe", notification)
    ]
    assert bodies(queue) == []


def _redrive(cloud: Cloud, functions: Functions, queue: str, dead_letters: str) -> Counter[str]:
    return redrive_dead_letters(
        cloud.sqs,
        functions,
        dead_letters_url=dead_letters,
        queue_url=queue,
        recover_function=RECOVER,
        describe_function="describe",
    )
