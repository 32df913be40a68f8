"""What a contract marks as personal is found nowhere but where the contract wants it, whatever becomes of a file.

Values that nothing else contains are planted in every personal column of every kind of row and file; then all that
the runs have left is searched for them, and for the key of the hashes: every object of every bucket (Parquet by its
rows), the ledger, the queues, messages and events, logs, metrics, histories, tables and configurations.
"""

import hashlib
import hmac
import io
import json
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest

from tests.permissions.failures import broken
from tests.permissions.world import World, guests

GOOD = {"email": "zqmail-good@example.org", "full_name": "Zqname Good", "phone": "zqphone-good", "age": "44"}
BAD = {"email": "zqmail-bad@example.org", "full_name": "Zqname Bad", "phone": "zqphone-bad", "age": "44", "nights": "0"}
WRONG = {
    "email": "zqmail-without-at",
    "full_name": "Zqname Wrong",
    "phone": "zqphone-wrong",
    "age": "zqage-wrong",
}
FAILED = {"email": "zqmail-failed@example.org", "full_name": "Zqname Failed", "phone": "zqphone-failed"}
EVERY = {"points": "918273645", "born": "19.07.1903", "nickname": "zqnick", "title": "zqtitle", "passport": "zqpass"}
"""Cells of the columns that are optional: they are imputed, flagged, filled, mapped, compared and left out."""
DISCARDED = GOOD | EVERY | {"full_name": "Zqname discarded"}
DROPPED = ("zqmail", "zqname", "zqage", "19.07.1903", "1903-07-19", "zqnick", "zqtitle", "zqpass")
PLANTED = (*DROPPED, "zqphone", "918273645")
TWICE = "S1,zqmail-twice@example.org,Zqname Twice,zqphone-twice,44,2025-03-05,2"

HEADERLESS = "zq,zqmail-headless@example.org,Zqname Headless,zqphone-headless,44,2025-03-05,2\n"
REJECTED = {
    "no-header": HEADERLESS.encode(),
    "no-header-in-latin": HEADERLESS.replace("Zqname", "Zqnamé zqname").encode("latin-1"),
    "no-header-with-a-quote": HEADERLESS.replace("Zqname", '"Zqname').encode(),
    "columns-are-missing": b"stay_id,zqmail-missing@example.org,Zqname Missing\n1,2,3\n",
    "columns-are-twice": guests(GOOD).replace("nights", "nights,nights").encode(),
    "column-is-unknown": guests(GOOD).replace("nights", "nights,room").encode(),
    "too-many-bad-rows": guests(BAD, BAD, WRONG, GOOD).encode(),
}


@dataclass
class Trail:
    """What was found where: location → text."""

    found: dict[str, str] = field(default_factory=dict)

    def note(self, location: str, thing: Any) -> None:
        self.found[location] = thing if isinstance(thing, str) else json.dumps(thing, default=str)

    def locations(self, *needles: str) -> list[str]:
        """Where one of the texts stands, in any case."""
        return [location for location, text in self.found.items() if any(needle in text.lower() for needle in needles)]


def trail(world: World) -> Trail:
    """All that is left, but for the uploads themselves."""
    left = Trail()
    _objects(world, left)
    client = world.aws.client
    left.note("ledger", client("dynamodb").scan(TableName=world.stack.outputs["LedgerTableName"])["Items"])
    left.note("messages and events", world.messages)
    for name in ("UploadQueueUrl", "DeadLetterQueueUrl"):
        left.note(name, client("sqs").receive_message(QueueUrl=world.stack.outputs[name], MaxNumberOfMessages=10))
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"], limit=10_000)["events"]
        for stream in {event["logStreamName"] for event in events}:
            lines = [event["message"] for event in events if event["logStreamName"] == stream]
            left.note(f"log {group['logGroupName']} {stream}", lines)
    left.note("metrics", client("cloudwatch").list_metrics()["Metrics"])
    states = client("stepfunctions")
    for run in states.list_executions(stateMachineArn=world.stack.outputs["StateMachineArn"])["executions"]:
        history = states.get_execution_history(executionArn=run["executionArn"], maxResults=1000)
        left.note(f"history of {run['name']}", history["events"])
    left.note("tables", client("glue").get_tables(DatabaseName=world.stack.outputs["DatabaseName"])["TableList"])
    left.note("functions", client("lambda").list_functions()["Functions"])
    left.note("job", client("glue").get_job(JobName=world.stack.outputs["CleanJobName"])["Job"])
    left.note("stack", client("cloudformation").describe_stacks()["Stacks"])
    left.note("template", client("cloudformation").get_template(StackName="sluice")["TemplateBody"])
    return left


def _objects(world: World, left: Trail) -> None:
    s3 = world.aws.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"])
        for version in (version for page in pages for version in page.get("Versions", [])):
            at = {"Bucket": bucket["Name"], "Key": version["Key"], "VersionId": version["VersionId"]}
            location = f"s3://{bucket['Name']}/{version['Key']}"
            if bucket["Name"] == world.raw:
                left.note(f"tags of {location}", s3.get_object_tagging(**at)["TagSet"])
                continue
            answer = s3.get_object(**at)
            body = answer["Body"].read()
            left.note(f"metadata of {location}", answer["Metadata"])
            if version["Key"].endswith(".parquet"):
                left.note(f"{location} {version['VersionId']}", pl.read_parquet(io.BytesIO(body)).write_json())
            else:
                left.note(f"{location} {version['VersionId']}", body.decode(errors="replace"))


@pytest.fixture(scope="module")
def left(world: World) -> Trail:
    """The trail of an accepted file, of one of each kind that is rejected, and of one that failed."""
    rows = (GOOD | EVERY, BAD | EVERY, WRONG | EVERY, GOOD | EVERY | {"stay_id": "S9"}, GOOD | {"phone": "n/a"})
    good = guests(*rows, DISCARDED).replace("email", "mail", 1) + TWICE + ",too,many\n" + TWICE + ",,,,,\n"
    key = "guests/good/2025-03-05.csv"
    assert world.status(key, world.put(key, good), "PUBLISHED", "FAILED", "REJECTED") == "PUBLISHED"
    uploads = {f"guests/{name}/2025-03-05.csv": body for name, body in REJECTED.items()}
    for key, version in {key: world.put(key, body) for key, body in uploads.items()}.items():
        assert world.status(key, version, "PUBLISHED", "FAILED", "REJECTED") == "REJECTED", key
        assert world.alerted(key)
    with broken(world, "athena:StartQueryExecution", role="EtlStateMachineRole"):
        key = "guests/failed/2025-03-05.csv"
        version = world.put(key, guests(FAILED, BAD))
        assert world.status(key, version, "PUBLISHED", "FAILED", "REJECTED") == "FAILED"
        assert world.execution(world.entry(key, version)["run_id"]) == "FAILED"
        assert world.alerted(key)
    return trail(world)


def test_the_search_finds_what_is_there(left: Trail) -> None:
    assert left.locations("quarantined")
    assert [location for location in left.locations("filerejected") if location == "messages and events"]
    assert {location.split("-")[0] for location in left.locations("nights_is_positive")} >= {"ledger"}
    assert any(location.startswith("log ") for location in left.locations("file validated"))
    assert any("/reports/" in location for location in left.locations("no-header"))


def test_personal_values_are_only_where_the_contract_keeps_them(left: Trail) -> None:
    """The columns `phone` and `points` are kept in the table: in its files, staged and published, of good rows only."""
    locations = left.locations(*PLANTED)

    assert [location for location in locations if "/published/" not in location] == []
    assert left.locations(*DROPPED, "zqphone-bad", "zqphone-wrong") == []
    assert any("lakebucket" in location for location in left.locations("zqphone-good"))
    assert any("lakebucket" in location for location in left.locations("918273645"))


def test_the_table_has_the_keyed_hash_of_a_hashed_column(world: World, left: Trail) -> None:
    secret = world.aws.client("secretsmanager").get_secret_value(SecretId=world.stack.resources["HashKeySecret"])
    digest = hmac.new(secret["SecretString"].encode(), GOOD["email"].encode(), hashlib.sha256).hexdigest()

    assert {row[0] for row in world.query("SELECT email FROM guests WHERE phone = 'zqphone-good'")} == {digest}
    assert left.locations(secret["SecretString"].lower()) == []


def test_quarantined_rows_are_masked(world: World, left: Trail) -> None:
    del left
    rows = world.query(
        "SELECT email, full_name, phone, age, nights, _raw FROM guests_quarantine WHERE _source_key LIKE '%/good/%'"
    )

    assert {tuple(row[:4]) for row in rows} == {("***", "***", "***", "***"), (None, None, None, None)}
    assert {row[4] for row in rows} == {"0", "2", None}
    assert {row[5] for row in rows} == {"***", None}


def test_the_trail_is_long_enough(left: Trail) -> None:
    kinds = {
        "s3://": 20,
        "log ": 4,  # of the functions, the runs, the crawler, the job
        "history of ": 2,
        "tags of ": 9,
    }
    for kind, least in kinds.items():
        assert sum(location.startswith(kind) for location in left.found) >= least, kind
