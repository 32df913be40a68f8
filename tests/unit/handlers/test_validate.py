import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.runtime import code
from tests.unit.cloud import RAW, WORK, Cloud
from tests.unit.faults import dying
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"
GOOD = as_csv({}, {}, {}, {}, {"channel": "fax"})
BAD = as_csv({}, {"channel": "fax"}, {"quantity": "many"})


def tags(cloud: Cloud, source: ObjectVersion) -> dict[str, str]:
    answer = cloud.s3.get_object_tagging(Bucket=RAW, Key=source.key, VersionId=source.version_id)
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def runs(cloud: Cloud) -> list[str]:
    machine = cloud.stepfunctions.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    return [run["name"] for run in cloud.stepfunctions.list_executions(stateMachineArn=machine)["executions"]]


def sent(cloud: Cloud) -> tuple[list[dict[str, Any]], list[str]]:
    """(event details, texts to people) since the last look."""
    messages = cloud.messages()
    events = [message["detail"] for message in messages if message.get("source") == "sluice"]
    return events, [message["Message"] for message in messages if message.get("Type") == "Notification"]


def test_an_accepted_file_is_recorded_tagged_and_started(cloud: Cloud):
    source = cloud.put(KEY, GOOD)
    cloud.validate(source)
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["dataset"], entry["rows"]) == ("RECEIVED", "sales", 5)
    assert (entry["would_quarantine"], entry["reasons"]) == (1, {"channel_is_in_set": 1})
    assert runs(cloud) == [entry["run_id"]]
    found = tags(cloud, source)
    assert found.pop("sluice:processed")[:2] == "20"
    assert found == {
        "sluice:validation": "accepted",
        "sluice:dataset": "sales",
        "sluice:contract_version": "1",
        "sluice:rows": "5",
        "sluice:run_id": entry["run_id"],
    }
    run = json.loads(cloud.s3.get_object(Bucket=WORK, Key=f"runs/{entry['run_id']}/run.json")["Body"].read())
    assert run == {"run_id": entry["run_id"], "dataset": "sales", "sources": [source.to_dict()]}
    assert sent(cloud) == ([], [])


def test_a_rejected_file_is_recorded_tagged_reported_and_starts_nothing(cloud: Cloud):
    source = cloud.put(KEY, BAD)
    cloud.validate(source)
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["rows"], entry["would_quarantine"]) == ("REJECTED", 3, 2)
    assert runs(cloud) == []
    assert tags(cloud, source)["sluice:validation"] == "rejected"
    [event], [text] = sent(cloud)
    assert (event["source"], event["rows"], event["would_quarantine"]) == (source.uri, 3, 2)
    assert event["reasons"]["channel_is_in_set"] == 1
    for part in (source.uri, "3 read, 2 would be quarantined", "channel_is_in_set: 1", f"sluice show {source.uri}"):
        assert part in text


def test_the_validation_report_is_in_the_work_bucket(cloud: Cloud):
    source = cloud.put(KEY, BAD)
    cloud.validate(source)
    body = cloud.s3.get_object(Bucket=WORK, Key=f"reports/{source.id}/validation.json")["Body"].read()
    report = json.loads(body)
    assert (report["result"], report["rows"], report["source"]) == ("rejected", 3, source.to_dict())


@pytest.mark.parametrize("body", [GOOD, BAD])
def test_a_second_delivery_changes_nothing(cloud: Cloud, body: str):
    source = cloud.put(KEY, body)
    cloud.validate(source)
    if body == GOOD:
        cloud.step("claim", source)
    before = cloud.ledger.entry(source), runs(cloud), tags(cloud, source)
    sent(cloud)
    cloud.validate(source)
    assert (cloud.ledger.entry(source), runs(cloud), tags(cloud, source)) == before
    assert sent(cloud) == ([], [])


@pytest.mark.parametrize("body", [GOOD, BAD])
def test_a_second_delivery_heals_a_death_after_any_change(cloud: Cloud, body: str):
    for after in count(1):
        source = cloud.put(f"sales/S{after:03}/2025-03-05.csv", body)
        # Powertools' batch processor makes a failed delivery of every exception, so the death is a failed message.
        with dying(cloud.module("validate"), after=after):
            answer = cloud.validate(source)
        if not answer["batchItemFailures"]:
            assert after > 4, "too few changes to be true"
            return
        before_death = sent(cloud)
        cloud.validate(source)
        entry = cloud.ledger.entry(source)
        if body == GOOD:
            assert entry["run_id"] in runs(cloud)
            assert tags(cloud, source)["sluice:run_id"] == entry["run_id"]
        else:
            assert entry["status"] == "REJECTED"
            assert tags(cloud, source)["sluice:validation"] == "rejected"
            assert before_death[1] or sent(cloud)[1]
    assert len(runs(cloud)) == len(set(runs(cloud)))


@pytest.mark.parametrize("body", [GOOD, BAD])
def test_a_file_that_was_validated_before_a_death_is_not_validated_again(cloud: Cloud, body: str):
    source = cloud.put(KEY, body)
    with dying(cloud.module("validate"), after=4):  # received, reported, recorded; then its tags
        cloud.validate(source)
    cloud.s3.delete_object(Bucket=RAW, Key=KEY, VersionId=source.version_id)  # only its report can be read now
    assert cloud.validate(source) == {"batchItemFailures": []}
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["rows"]) == (("RECEIVED", 5) if body == GOOD else ("REJECTED", 3))


def test_a_file_that_other_code_has_validated_is_validated_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    source = cloud.put(KEY, GOOD)
    with dying(cloud.module("validate"), after=4):
        cloud.validate(source)
    monkeypatch.setattr(code, "digest", lambda: "another release")
    cloud.s3.delete_object(Bucket=RAW, Key=KEY, VersionId=source.version_id)
    cloud.validate(source)
    assert cloud.ledger.entry(source)["reasons"] == {"object_version_exists": 1}


def test_a_redriven_file_is_validated_again(cloud: Cloud):
    source = cloud.put(KEY, GOOD)
    cloud.run(source, until="claim")
    cloud.step("undo", source, error={"Error": "CheckFailed", "Cause": ""})
    cloud.ledger.reopen(source)
    cloud.s3.delete_object(Bucket=RAW, Key=KEY, VersionId=source.version_id)
    cloud.validate(source)
    assert cloud.ledger.entry(source)["status"] == "REJECTED"


def test_a_rejection_is_reported_even_when_the_first_try_died_before(cloud: Cloud):
    source = cloud.put(KEY, BAD)
    with dying(cloud.module("validate"), after=3):
        cloud.validate(source)
    assert sent(cloud) == ([], [])
    cloud.validate(source)
    events, texts = sent(cloud)
    assert (len(events), len(texts)) == (1, 1)


def test_an_older_version_that_arrives_late_starts_nothing(cloud: Cloud):
    older = cloud.put(KEY, GOOD, "01")
    newer = cloud.put(KEY, GOOD, "02")
    cloud.validate(newer)
    cloud.validate(older)
    assert cloud.ledger.entry(older)["status"] == "SUPERSEDED"
    assert runs(cloud) == [cloud.ledger.entry(newer)["run_id"]]


@pytest.mark.parametrize("key", ["sales/S 1+2%2F/2025-03-05.csv", "sales/Zürich 'x'/2025-03-05.csv"])
def test_a_key_is_taken_as_it_is(cloud: Cloud, key: str):
    source = cloud.put(key, GOOD)
    assert cloud.validate(source) == {"batchItemFailures": []}
    assert cloud.ledger.entry(source)["rows"] == 5
    assert tags(cloud, source)["sluice:validation"] == "accepted"


def test_a_file_of_no_dataset_is_rejected_and_reported(cloud: Cloud):
    source = cloud.put("holiday.jpg", b"\xff\xd8")
    cloud.validate(source)
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["dataset"]) == ("REJECTED", "unknown")
    assert entry["reasons"] == {"key_follows_naming_rule": 1}
    assert len(sent(cloud)[1]) == 1


def test_a_version_that_is_gone_is_rejected(cloud: Cloud):
    source = cloud.put(KEY, GOOD)
    cloud.s3.delete_object(Bucket=RAW, Key=KEY, VersionId=source.version_id)
    cloud.validate(source)
    assert cloud.ledger.entry(source)["reasons"] == {"object_version_exists": 1}


def test_the_very_version_of_the_event_is_read(cloud: Cloud):
    source = cloud.put(KEY, GOOD)
    cloud.put(KEY, as_csv({}))
    cloud.validate(source)
    assert cloud.ledger.entry(source)["rows"] == 5


def test_a_folder_marker_is_no_file(cloud: Cloud):
    source = cloud.put("sales/S001/", b"")
    assert cloud.validate(source) == {"batchItemFailures": []}
    assert cloud.ledger.entry(source) == {}


def forged(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = json.loads(event["Records"][0]["body"])
    body.update({name.replace("_", "-"): value for name, value in changes.items() if name != "bucket"})
    if "bucket" in changes:
        body["detail"]["bucket"]["name"] = changes["bucket"]
    event["Records"][0]["body"] = json.dumps(body)
    return event


@pytest.mark.parametrize(
    "changes",
    [{"bucket": "someone-elses"}, {"source": "com.example"}, {"detail_type": "Object Deleted"}, {"detail": {}}],
)
def test_a_forged_event_is_refused_and_goes_to_the_dead_letters(cloud: Cloud, changes: dict[str, Any]):
    source = cloud.put(KEY, GOOD)
    event = forged(cloud.event("validate", source), **changes)
    assert cloud.invoke("validate", event) == {"batchItemFailures": []}
    [letter] = cloud.dead_letters()
    assert letter["Body"] == event["Records"][0]["body"]
    assert letter["MessageAttributes"]["error"]["StringValue"] == "UnexpectedEvent"
    assert cloud.ledger.entry(source) == {}
    assert runs(cloud) == []


@pytest.mark.parametrize("body", ["", "null", "[]", "not json", '{"detail": 1}', '{"source": "aws.s3"}'])
def test_a_message_that_is_no_event_is_a_dead_letter_alone(cloud: Cloud, body: str):
    good = cloud.put(KEY, GOOD)
    [record] = cloud.event("validate", good)["Records"]
    event = {"Records": [record | {"messageId": "bad", "body": body}, record]}
    assert cloud.invoke("validate", event) == {"batchItemFailures": []}
    [letter] = cloud.dead_letters()
    assert letter["Body"].strip() == body
    assert letter["MessageAttributes"]["cause"]["StringValue"]
    assert cloud.ledger.entry(good)["rows"] == 5


@pytest.mark.parametrize(("receives", "comes_again"), [(1, True), (3, True), (4, False)])
def test_what_fails_for_the_last_time_is_laid_aside_with_its_reason(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, receives: int, comes_again: bool
):
    event = cloud.event("validate", cloud.put(KEY, GOOD))
    [record] = event["Records"]
    record["attributes"]["ApproximateReceiveCount"] = str(receives)
    module = cloud.module("validate")
    monkeypatch.setattr(module, "INTAKE", replace(module.INTAKE, work_bucket="no-such-bucket"))
    failures = cloud.invoke("validate", event)["batchItemFailures"]
    assert bool(failures) == comes_again
    reasons = [letter["MessageAttributes"] for letter in cloud.dead_letters()]
    assert [reason["error"]["StringValue"] for reason in reasons] == ([] if comes_again else ["NoSuchBucket"])
    assert all("bucket does not exist" in reason["cause"]["StringValue"] for reason in reasons)


def test_no_cell_of_a_file_is_logged_or_reported(cloud: Cloud, capsys: pytest.CaptureFixture[str]):
    planted = "Ada Lovelace"
    source = cloud.put(KEY, as_csv({}, {"channel": planted}, {"customer_age": planted}))
    cloud.validate(source)
    assert planted not in capsys.readouterr().out
    assert planted not in json.dumps(sent(cloud))
    assert planted not in str(cloud.ledger.entry(source))


def test_an_event_without_a_version_is_refused(cloud: Cloud):
    event = cloud.event("validate", cloud.put(KEY, GOOD))
    body = json.loads(event["Records"][0]["body"])
    del body["detail"]["object"]["version-id"]
    event["Records"][0]["body"] = json.dumps(body)
    assert cloud.invoke("validate", event) == {"batchItemFailures": []}
    assert "without a version" in cloud.dead_letters()[0]["MessageAttributes"]["cause"]["StringValue"]
    assert runs(cloud) == []
