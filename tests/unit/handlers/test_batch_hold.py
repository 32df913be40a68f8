"""A file is held for its batch when the ledger says so: neither its tags nor its metadata can."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sluice.aws.object_keys import run_key
from sluice.aws.object_version import ObjectVersion
from sluice.ledger.ledger import HOLD_SECONDS, Ledger
from sluice.ledger.runs import Run
from tests.unit.cloud import LEDGER, MACHINE, RAW, WORK, Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"


def put(cloud: Cloud, key: str = KEY, **extra: str) -> ObjectVersion:
    body = as_csv({}, {}).encode()
    version = cloud.s3.put_object(Bucket=RAW, Key=key, Body=body, **extra)["VersionId"]
    return ObjectVersion(RAW, key, version, "01", len(body))


def held(cloud: Cloud, key: str = KEY) -> ObjectVersion:
    source = put(cloud, key, Tagging="team=stores")
    cloud.ledger.note_put(source, origin="backfill", hold=True)
    return source


def end_hold(cloud: Cloud, source: ObjectVersion) -> None:
    """Let the hold have begun so long ago that it has just ended."""
    ledger = Ledger(cloud.dynamodb, LEDGER, clock=lambda: time.time() - HOLD_SECONDS - 1)
    ledger.note_put(source, origin="backfill", hold=True)


def started(cloud: Cloud) -> list[str]:
    return [each["name"] for each in cloud.stepfunctions.list_executions(stateMachineArn=MACHINE)["executions"]]


def test_a_held_file_is_validated_and_starts_no_run(cloud: Cloud):
    source = held(cloud)
    cloud.validate(source)
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["rows"], entry.get("run_id")) == ("RECEIVED", 2, None)
    assert started(cloud) == []
    tags = cloud.s3.get_object_tagging(Bucket=RAW, Key=KEY, VersionId=source.version_id)["TagSet"]
    found = {tag["Key"]: tag["Value"] for tag in tags}
    assert (found["team"], found["sluice:validation"], found.get("sluice:run_id")) == ("stores", "accepted", None)


def test_an_event_delivered_again_lets_it_wait_on(cloud: Cloud):
    source = held(cloud)
    cloud.validate(source)
    cloud.validate(source)
    assert started(cloud) == []


def test_files_that_waited_are_run_together(cloud: Cloud):
    other = KEY.replace("S001", "S002")
    sources = [held(cloud, key) for key in (KEY, other)]
    for source in sources:
        cloud.validate(source)
    run = Run.of("sales", sources)
    for source in sources:
        assert cloud.ledger.assign(source, run_id=run.run_id)
        cloud.step("claim", source)
        assert cloud.ledger.entry(source)["status"] == "CLEANING"
        assert not cloud.ledger.assign(source, run_id="sales-another")
        assert cloud.ledger.entry(source)["run_id"] == run.run_id


HASH = ObjectVersion(RAW, KEY, "", "", 0).hash


@pytest.mark.parametrize("value", [f"{HASH}:99999999999999", f"{HASH}:\u00b2", f"{HASH}:\u0662\u0660", "yes"])
def test_nothing_that_an_uploader_writes_makes_a_file_wait(cloud: Cloud, value: str):
    # S3 takes letters and digits of any script in a tag, moto only ASCII in the header: so as a second call.
    source = put(cloud, Metadata={"sluice-wait": "yes"})
    tags = [{"Key": "sluice:wait", "Value": value}, {"Key": "sluice:origin", "Value": "replay:forged"}]
    version = {"Bucket": RAW, "Key": KEY, "VersionId": source.version_id}
    cloud.s3.put_object_tagging(**version, Tagging={"TagSet": tags})
    assert cloud.validate(source) == {"batchItemFailures": []}
    run_id = Run.of("sales", [source]).run_id
    assert started(cloud) == [run_id]
    assert json.loads(cloud.s3.get_object(Bucket=WORK, Key=run_key(run_id))["Body"].read())["run_id"] == run_id
    assert "origin" not in cloud.ledger.entry(source)


def test_a_version_that_another_client_put_is_not_held_with_the_batch(cloud: Cloud):
    held(cloud)
    theirs = replace(put(cloud), sequencer="02")
    cloud.validate(theirs)
    assert started(cloud) == [Run.of("sales", [theirs]).run_id]


def test_the_ledger_says_why_a_file_was_put(cloud: Cloud):
    source = put(cloud)
    cloud.ledger.note_put(source, origin="retract:3sL4")
    cloud.validate(source)
    assert cloud.ledger.entry(source)["origin"] == "retract:3sL4"
    assert len(started(cloud)) == 1


def test_the_watch_starts_a_file_whose_batch_never_came(cloud: Cloud):
    queue = cloud.sqs.create_queue(QueueName="uploads")["QueueUrl"]
    source = held(cloud)
    cloud.validate(source)
    watch = cloud.event_of("watch")
    now = datetime.now(UTC)
    assert cloud.invoke("watch", watch | {"time": now.isoformat()})["released"] == []
    later = now + timedelta(seconds=HOLD_SECONDS + 60)
    assert cloud.invoke("watch", watch | {"time": later.isoformat()})["released"] == [source.id]
    [message] = cloud.sqs.receive_message(QueueUrl=queue)["Messages"]
    end_hold(cloud, source)
    [record] = cloud.event("validate", source)["Records"]
    cloud.invoke("validate", {"Records": [record | {"body": message["Body"]}]})
    run_id = Run.of("sales", [source]).run_id
    assert started(cloud) == [run_id]
    assert cloud.ledger.entry(source)["run_id"] == run_id
    assert cloud.invoke("watch", watch | {"time": later.isoformat()})["released"] == []


@pytest.mark.parametrize(("first", "second"), [("", "0A"), ("0A", "")])
def test_a_version_reported_twice_in_two_orders_does_not_overtake_itself(cloud: Cloud, first: str, second: str):
    source = held(cloud)
    for sequencer in (first, second):
        cloud.validate(replace(source, sequencer=sequencer))
    ordered = replace(source, sequencer=first)
    assert cloud.ledger.assign(ordered, run_id="sales-one")
    cloud.step("claim", ordered)
    assert cloud.ledger.entry(source)["status"] == "CLEANING"
    assert cloud.ledger.head(source)["latest_sequencer"] == replace(source, sequencer="0A").order
    older = replace(source, version_id="older", sequencer="09")
    cloud.ledger.receive(older)
    assert not cloud.ledger.accept(older, run_id="sales-two")
