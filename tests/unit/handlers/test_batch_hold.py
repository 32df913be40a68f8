import json
import time
from dataclasses import replace
from urllib.parse import urlencode

import boto3
import pytest

from sluice.aws.object_keys import run_key
from sluice.aws.object_version import ObjectVersion
from sluice.ingest import batch_hold
from sluice.ledger.runs import Run
from tests.unit.cloud import MACHINE, RAW, WORK, Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"


def put(cloud: Cloud, tags: dict[str, str], key: str = KEY) -> ObjectVersion:
    body = as_csv({}, {}).encode()
    version = cloud.s3.put_object(Bucket=RAW, Key=key, Body=body, Tagging=urlencode(tags))["VersionId"]
    return ObjectVersion(RAW, key, version, "01", len(body))


def started(cloud: Cloud) -> list[str]:
    return [each["name"] for each in cloud.stepfunctions.list_executions(stateMachineArn=MACHINE)["executions"]]


def tag_of(key: str, *, now: float | None = None) -> dict[str, str]:
    return batch_hold.tag(ObjectVersion(RAW, key, "", "", 0).hash, now=time.time() if now is None else now)


def test_a_held_file_is_validated_and_starts_no_run(cloud: Cloud):
    source = put(cloud, {**tag_of(KEY), "team": "stores"})
    cloud.validate(source)
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["rows"], entry.get("run_id")) == ("RECEIVED", 2, None)
    assert started(cloud) == []
    tags = cloud.s3.get_object_tagging(Bucket=RAW, Key=KEY, VersionId=source.version_id)["TagSet"]
    told = {tag["Key"]: tag["Value"] for tag in tags}
    assert (told["team"], told["sluice:validation"], told.get("sluice:run_id")) == ("stores", "accepted", None)


def test_an_event_delivered_again_lets_it_wait_on(cloud: Cloud):
    source = put(cloud, tag_of(KEY))
    cloud.validate(source)
    cloud.validate(source)
    assert started(cloud) == []


def test_files_that_waited_are_run_together(cloud: Cloud):
    other = KEY.replace("S001", "S002")
    sources = [put(cloud, tag_of(key), key) for key in (KEY, other)]
    for source in sources:
        cloud.validate(source)
    run = Run.of("sales", sources)
    for source in sources:
        assert cloud.ledger.assign(source, run_id=run.run_id)
        cloud.step("claim", source)
        assert cloud.ledger.entry(source)["status"] == "CLEANING"
        assert not cloud.ledger.assign(source, run_id="sales-another")
        assert cloud.ledger.entry(source)["run_id"] == run.run_id


STALE = {
    "of another key, on a copy": tag_of("sales/S009/2025-03-05.csv"),
    "of yesterday": tag_of(KEY, now=time.time() - batch_hold.SECONDS - 60),
    "that is none": {batch_hold.NAME: "yes"},
}


@pytest.mark.parametrize("what", STALE)
def test_a_tag_is_no_reason_to_wait(cloud: Cloud, what: str):
    source = put(cloud, STALE[what])
    cloud.validate(source)
    run_id = Run.of("sales", [source]).run_id
    assert started(cloud) == [run_id]
    assert (
        json.loads(boto3.client("s3").get_object(Bucket=WORK, Key=run_key(run_id))["Body"].read())["run_id"] == run_id
    )


def test_the_ledger_says_why_a_file_was_put(cloud: Cloud):
    source = put(cloud, {batch_hold.ORIGIN: "replay"})
    cloud.validate(source)
    assert cloud.ledger.entry(source)["origin"] == "replay"


@pytest.mark.parametrize(("first", "second"), [("", "0A"), ("0A", "")])
def test_a_version_reported_twice_in_two_orders_does_not_overtake_itself(cloud: Cloud, first: str, second: str):
    source = put(cloud, tag_of(KEY))
    for sequencer in (first, second):
        cloud.validate(replace(source, sequencer=sequencer))
    told = replace(source, sequencer=first)
    assert cloud.ledger.assign(told, run_id="sales-one")
    cloud.step("claim", told)
    assert cloud.ledger.entry(source)["status"] == "CLEANING"
    assert cloud.ledger.head(source)["latest_sequencer"] == replace(source, sequencer="0A").order
    older = replace(source, version_id="older", sequencer="09")
    cloud.ledger.receive(older)
    assert not cloud.ledger.accept(older, run_id="sales-two")
