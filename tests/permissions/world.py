"""The whole template on a local AWS, with a dataset about people, and a queue that hears its topic and its bus."""

import json
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local import Deployment, LocalAWS, deploy
from local.faults import Call, calls
from tests.installation import Installation, subscribed_queue

ROOT = Path(__file__).parents[2]
PARTS = ("template.yaml", "functions", "packages", "glue", "statemachine")
SMALL_FILE_BYTES = 20_000
PARAMETERS = {
    "KmsKey": "own",
    "HashKey": "own",
    "SmallFileBytes": str(SMALL_FILE_BYTES),
    "GlueWorkers": "2",
    "Streaming": "yes",
    "CrawlMinutes": "0",
    "IotTopic": "sluice/+/records",
}
PATIENCE = 600.0
"""Seconds; a busy machine may need many."""
QUEUE_SECONDS = 10.0
HOPELESS_SECONDS = 5.0
"""For so long nothing may happen after a refused call before waiting is given up."""


def project(folder: Path) -> Path:
    """A copy of the project with the dataset `guests`; returns the path of its template."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    shutil.copy(Path(__file__).parent / "guests.py", folder / "functions" / "datasets" / "guests.py")
    return folder / "template.yaml"


def guests(*rows: dict[str, str], first: int = 1) -> str:
    """A CSV of stays, each a good one with changes; their further columns come last."""
    names = ["stay_id", "email", "full_name", "phone", "age", "arrival", "nights"]
    names += [name for name in dict.fromkeys(name for row in rows for name in row) if name not in names]
    good = {"email": "a@example.org", "full_name": "A Guest", "phone": "555", "age": "44", "nights": "2"}
    lines = [",".join(names)]
    for number, change in enumerate(rows, first):
        row = good | {"stay_id": f"S{number}", "arrival": "2025-03-05"} | change
        lines.append(",".join(row.get(name, "") for name in names))
    return "\n".join(lines) + "\n"


@dataclass
class World(Installation):
    """A running local AWS with the deployed template."""

    heard: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    watched: frozenset[tuple[str, str]] = frozenset()
    """Roles with actions of theirs whose refused calls end the waiting; empty for none."""
    since: int = 0
    used: bool = False
    """Whether the tables are there."""

    def put(self, key: str, body: str | bytes) -> str:
        """Upload a file; returns its version id."""
        data = body.encode() if isinstance(body, str) else body
        return str(self.aws.client("s3").put_object(Bucket=self.raw, Key=key, Body=data)["VersionId"])

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """What a function (its logical id) returns of an event, or its error."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.stack.resources[function], Payload=json.dumps(event).encode()
        )
        response: dict[str, Any] = json.loads(answer["Payload"].read()) or {}
        return response

    def entry(self, key: str, version: str) -> dict[str, Any]:
        """The ledger's item of a version, or {}."""
        where = {"source": {"S": f"s3://{self.raw}/{key}"}, "version": {"S": version}}
        item = (
            self.aws.client("dynamodb").get_item(TableName=self.ledger, Key=where, ConsistentRead=True).get("Item", {})
        )
        return {name: next(iter(value.values())) for name, value in item.items()}

    def status(self, key: str, version: str, *ends: str) -> str:
        """The ledger's status of a version once it is one of `ends`, or what it is when waiting has become useless."""
        return self.wait(lambda: self.entry(key, version).get("status", ""), lambda status: status in ends)

    def execution(self, run_id: str) -> str:
        """How an execution ended."""
        arn = self.execution_arn(run_id)

        def look() -> str:
            try:
                return str(self.aws.client("stepfunctions").describe_execution(executionArn=arn)["status"])
            except ClientError:
                return ""

        return self.wait(look, lambda status: status not in ("", "RUNNING"))

    def failed_states(self, run_id: str) -> list[str]:
        """The tasks of an execution that failed, with their errors."""
        arn = self.execution_arn(run_id)
        pages = self.aws.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        found, name = [], ""
        for event in (event for page in pages for event in page["events"]):
            name = event.get("stateEnteredEventDetails", {}).get("name", name)
            if details := event.get("taskFailedEventDetails") or event.get("taskSubmitFailedEventDetails"):
                found.append(f"{name}: {details.get('error')}: {details.get('cause', '')[:200]}")
        return found

    def tags(self, key: str, version: str) -> dict[str, str]:
        answer = self.aws.client("s3").get_object_tagging(Bucket=self.raw, Key=key, VersionId=version)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def listen(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """The first message of topic or bus that is wanted, or None when waiting has become useless."""

        def look() -> dict[str, Any] | None:
            sqs = self.aws.client("sqs")
            while batch := sqs.receive_message(QueueUrl=self.heard, MaxNumberOfMessages=10).get("Messages", []):
                for message in batch:
                    self.messages.append(json.loads(message["Body"]))
                    sqs.delete_message(QueueUrl=self.heard, ReceiptHandle=message["ReceiptHandle"])
            return next((message for message in self.messages if wanted(message)), None)

        return self.wait(look, bool)

    def alerted(self, key: str) -> bool:
        """Whether people were notified of a key."""
        return self.listen(lambda message: key in message.get("Message", "")) is not None

    def announced(self, kind: str, key: str) -> bool:
        """Whether an event of this kind was put on the bus that speaks of a key."""
        return (
            self.listen(lambda message: message.get("detail-type") == kind and key in json.dumps(message)) is not None
        )

    def rows(self, key: str, dataset: str = "guests") -> int:
        """Rows that Athena returns of a source."""
        query = f"SELECT count(*) FROM {dataset} WHERE _source_key = 's3://{self.raw}/{key}'"  # noqa: S608 (a test's own)
        return int(self.query(query)[0][0] or 0)

    def months(self) -> list[str]:
        """The partitions of `guests` that the catalog has."""
        pages = self.aws.client("glue").get_paginator("get_partitions")
        listed = pages.paginate(DatabaseName=self.stack.outputs["DatabaseName"], TableName="guests")
        return [partition["Values"][0] for page in listed for partition in page["Partitions"]]

    def objects(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    @contextmanager
    def watching(self, watched: Collection[tuple[str, str]]) -> Iterator[None]:
        """Note how often the roles are refused these actions, and wait no longer than sensible when one was."""
        made = calls(self.aws, since=self.since)
        self.watched, self.since = frozenset(watched), made[-1].number if made else self.since
        self.messages.clear()
        try:
            yield
        finally:
            self.watched = frozenset()

    def refused(self) -> list[Call]:
        """Calls of the watched roles and actions that were refused since the watch began."""
        # S3 and IAM refuse with 403; services that speak JSON do with 400, as they answer other errors.
        return [
            call
            for call in calls(self.aws, since=self.since)
            if (call.role, call.action) in self.watched and call.status in (400, 403)
        ]

    def wait[T](self, look: Callable[[], T], enough: Callable[[T], bool], *, seconds: float = PATIENCE) -> T:
        """What `look` gives once it is enough, or at last when time is up or waiting has become useless.

        It has when a watched role was refused, and since then for some seconds no run is under way and nothing more
        was refused, or for thrice as long only that: a run ends by itself, a stream is read again for ever.
        """
        # A queue that may not be read is not asked: nothing is refused.
        of_queue = any(action.startswith("sqs:") for _, action in self.watched)
        deadline = time.monotonic() + (QUEUE_SECONDS if of_queue else seconds)
        known, idle, quiet = 0, time.monotonic(), time.monotonic()
        while not enough(answer := look()) and time.monotonic() < deadline:
            time.sleep(0.1)
            if not self.watched:
                continue
            now = len(self.refused())
            if not now or self.running():
                idle = time.monotonic()
            if now != known:
                known, quiet = now, time.monotonic()
            waited = time.monotonic() - max(idle, quiet), time.monotonic() - idle
            if waited[0] > HOPELESS_SECONDS or waited[1] > 3 * HOPELESS_SECONDS:
                break
        return answer

    def running(self) -> bool:
        """Whether a run is under way."""
        states = self.aws.client("stepfunctions")
        return bool(states.list_executions(stateMachineArn=self.machine, statusFilter="RUNNING")["executions"])


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """A world in a folder of its own."""
    with LocalAWS(wait_scale=0.01) as aws:
        stack = deploy(aws, project(folder), stack="sluice", parameters=PARAMETERS)
        yield World(aws, stack, listening(aws, stack))


def listening(aws: LocalAWS, stack: Deployment) -> str:
    """The URL of a queue that receives Sluice's notifications and events."""
    url, arn = subscribed_queue(aws, "heard", topic=stack.outputs["AlertsTopicArn"])
    events = aws.client("events")
    events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["sluice"]}))
    events.put_targets(Rule="heard", Targets=[{"Id": "heard", "Arn": arn}])
    return url
