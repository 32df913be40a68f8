"""A deployed Sluice on the local AWS: the campaign uploads files, waits for them, and redrives them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from boto3.dynamodb.types import TypeDeserializer

from cli.stack.connection import deployed
from cli.stack.redrive import redrive, redrive_dead_letters
from local import Connection, deploy
from sluice.aws.object_version import ObjectVersion
from tests.installation import Installation

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
DECIDED = ("REJECTED", "PUBLISHED", "FAILED", "SUPERSEDED")
REDELIVERY_SECONDS = 6
"""Instead of 16 minutes: what a function that died has received comes back so soon."""

Item = dict[str, Any]


@dataclass
class Upload:
    """One version of one key, with what was in it; the campaign's own record of what the table must have."""

    version: ObjectVersion
    body: bytes
    rejected: bool = False


@dataclass
class World(Installation):
    """uploads: key → its versions, oldest first."""

    uploads: dict[str, list[Upload]] = field(default_factory=dict)

    @classmethod
    def create(cls, aws: Connection, *, stack: str = "chaos", **parameters: str) -> Self:
        """Deploy the template; waits of minutes in AWS become seconds."""
        world = cls(aws, deploy(aws, TEMPLATE, stack=stack, parameters={"CrawlMinutes": "0", **parameters}))
        world.redeliver_after(REDELIVERY_SECONDS)
        return world

    def redeliver_after(self, seconds: int) -> None:
        """What is not handled in so many seconds is delivered again."""
        attributes = {"VisibilityTimeout": str(seconds)}
        self.aws.client("sqs").set_queue_attributes(QueueUrl=self.queue, Attributes=attributes)

    @property
    def queue(self) -> str:
        return self.stack.outputs["UploadQueueUrl"]

    @property
    def dead_letters(self) -> str:
        return self.stack.outputs["DeadLetterQueueUrl"]

    def put(self, key: str, body: bytes, *, rejected: bool = False) -> ObjectVersion:
        """Upload a version; what becomes of it happens later."""
        made = self.aws.client("s3").put_object(Bucket=self.raw, Key=key, Body=body)["VersionId"]
        version = ObjectVersion(self.raw, key, made, "", len(body))
        self.uploads.setdefault(key, []).append(Upload(version, body, rejected))
        return version

    def items(self, keys: Iterable[str] | None = None) -> list[Item]:
        """The ledger's items of these keys, of all by default."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.ledger, ConsistentRead=True)
        read = TypeDeserializer().deserialize
        found = [{name: read(value) for name, value in raw.items()} for page in pages for raw in page["Items"]]
        wanted = None if keys is None else {f"s3://{self.raw}/{key}" for key in keys}
        return [item for item in found if wanted is None or item["source"] in wanted]

    def running(self) -> list[str]:
        """The executions that have not ended."""
        states = self.aws.client("stepfunctions")
        listed = states.list_executions(stateMachineArn=self.machine, statusFilter="RUNNING")["executions"]
        return [execution["name"] for execution in listed]

    def queued(self, queue: str) -> int:
        """Messages in a queue, also those that are being handled."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def undecided(self) -> list[str]:
        """What is still in progress, as texts; empty when everything has ended."""
        pending = [f"{count} events" for count in [self.queued(self.queue)] if count]
        pending += [f"run {name}" for name in self.running()]
        known = {(item["source"], item["version"]): item.get("status") for item in self.items()}
        dead = self.dead_versions()
        for uploads in self.uploads.values():
            for version in (upload.version for upload in uploads):
                status = known.get((version.uri, version.version_id))
                if status not in DECIDED and version.version_id not in dead:
                    pending.append(f"{version.key} {version.version_id} {status}")
        return pending

    def settle(self, *, seconds: float = 60) -> list[str]:
        """Wait until everything has ended; return what hangs when nothing has changed for so many seconds."""
        deadline, last = time.monotonic() + seconds, None
        while pending := self.undecided():
            if pending != last:
                deadline, last = time.monotonic() + seconds, pending
            if time.monotonic() > deadline:
                return pending
            time.sleep(0.1)
        return []

    def dead_messages(self) -> list[Item]:
        """The messages in the dead letter queue, which stay there."""
        sqs, found = self.aws.client("sqs"), {}
        while got := sqs.receive_message(
            QueueUrl=self.dead_letters,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        ).get("Messages", []):
            if all(message["MessageId"] in found for message in got):
                break
            found.update({message["MessageId"]: message for message in got})
        return list(found.values())

    def purge_dead_letters(self) -> None:
        """Empty the dead letter queue."""
        self.aws.client("sqs").purge_queue(QueueUrl=self.dead_letters)

    def dead_versions(self) -> set[str]:
        """The version ids of uploads whose events lie in the dead letter queue."""
        if not self.queued(self.dead_letters):
            return set()
        bodies = [message["Body"] for message in self.dead_messages()]
        run_of = {item["version"]: item.get("run_id", "?") for item in self.items()}
        return {
            version.version_id
            for uploads in self.uploads.values()
            for version in (upload.version for upload in uploads)
            if any(version.version_id in body or run_of.get(version.version_id, "?") in body for body in bodies)
        }

    def redrive(self, keys: Iterable[str]) -> int:
        """Redrive the dead letters and the FAILED versions, as an operator would; return how many."""
        aws = self.aws
        counts = redrive_dead_letters(
            aws.client("sqs"),
            aws.client("lambda"),
            dead_letters_url=self.dead_letters,
            queue_url=self.queue,
            recover_function=self.role("RecoverFunction"),
            describe_function=self.role("DescribeFunction"),
        )
        if counts:
            self.settle()
        failed = [item for item in self.items(keys) if item.get("status") == "FAILED"]
        stack = deployed(aws.session(), self.stack.stack)
        for run_id in sorted({item["run_id"] for item in failed}):
            redrive(stack, [item for item in failed if item["run_id"] == run_id])
        return sum(counts.values()) + len(failed)
