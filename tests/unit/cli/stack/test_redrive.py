"""A failed version is redriven once, however often redrive is called."""

import json
from collections import Counter
from typing import Any

import boto3
import pytest

from cli.stack.redrive import redrive, redrive_dead_letters
from sluice.aws.object_version import ObjectVersion
from sluice.errors import ClaimRefused
from sluice.ingest.upload_event import parse
from sluice.ledger.ledger import Ledger
from tests.unit.cloud import ACCOUNT, LEDGER, RAW, REGION, Cloud
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


def validate(cloud: Cloud, queue: str) -> None:
    """Deliver the messages of the queue to Validate."""
    for body in bodies(queue):
        assert parse(body, bucket=RAW)
        record = cloud.event("validate", cloud.put("x", ""))["Records"][0] | {"body": body}
        assert cloud.invoke("validate", {"Records": [record]}) == {"batchItemFailures": []}


def test_a_failed_version_is_published_by_another_run(cloud: Cloud, queue: str):
    source = failed(cloud)
    assert redrive(cloud.ledger, cloud.sqs, source, queue_url=queue) == 2
    validate(cloud, queue)
    assert cloud.ledger.entry(source)["run_id"].endswith("-2")
    for state in ("claim", "clean", "reconcile", "publish", "complete"):
        cloud.step(state, source)
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"
    assert cloud.table().height == 1


def test_the_event_of_a_redriven_version_has_its_ledger_order(cloud: Cloud, queue: str):
    known = ObjectVersion.from_item(cloud.ledger.entry(failed(cloud)))
    redrive(cloud.ledger, cloud.sqs, known, queue_url=queue)
    (body,) = bodies(queue)
    assert parse(body, bucket=RAW) == known


def test_an_interrupted_redrive_can_be_repeated(cloud: Cloud, queue: str):
    source = failed(cloud)
    cloud.ledger.reopen(source)
    assert redrive(cloud.ledger, cloud.sqs, source, queue_url=queue) == 2
    assert len(bodies(queue)) == 1


def test_what_has_not_failed_is_not_redriven(cloud: Cloud, queue: str):
    source = cloud.put(KEY, as_csv({}))
    with pytest.raises(ClaimRefused, match="unknown"):
        redrive(cloud.ledger, cloud.sqs, source, queue_url=queue)
    cloud.run(source)
    with pytest.raises(ClaimRefused, match="PUBLISHED"):
        redrive(cloud.ledger, cloud.sqs, source, queue_url=queue)


def test_a_version_that_was_held_for_a_batch_is_not_held_again(cloud: Cloud, queue: str):
    source = failed(cloud)
    cloud.ledger.note_put(source, origin="backfill", hold=True)
    redrive(cloud.ledger, cloud.sqs, source, queue_url=queue)
    validate(cloud, queue)
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
