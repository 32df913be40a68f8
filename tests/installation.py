"""A Sluice deployed on a local AWS: its names, its roles, its queries. The base of the campaigns' worlds."""

import json
import time
from dataclasses import dataclass

from local import faults
from local.connection import Connection
from local.deploy import Deployment
from local.waiting import eventually

QUERY_SECONDS = 60.0
QUIET_SECONDS = 60.0


class QueryRefused(Exception):
    """A query failed; the message is Athena's reason."""


def subscribed_queue(aws: Connection, name: str, *, topic: str) -> tuple[str, str]:
    """URL and ARN of a new queue to which a topic publishes; everyone may send to it."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url, arn


@dataclass
class Installation:
    """aws: the local AWS; stack: the deployed stack, whose outputs the properties are."""

    aws: Connection
    stack: Deployment

    @property
    def raw(self) -> str:
        return self.stack.outputs["RawBucketName"]

    @property
    def lake(self) -> str:
        return self.stack.outputs["LakeBucketName"]

    @property
    def work(self) -> str:
        return self.stack.outputs["WorkBucketName"]

    @property
    def ledger(self) -> str:
        return self.stack.outputs["LedgerTableName"]

    @property
    def machine(self) -> str:
        return self.stack.outputs["StateMachineArn"]

    def execution_arn(self, run_id: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{run_id}"

    def role(self, logical_id: str) -> str:
        """The name of a role, or of any other resource, of the template."""
        return self.stack.resources[logical_id]

    def wait_until_quiet(self, logical_id: str, *, since: int) -> None:
        """Wait until a role has called after call number `since`, and then has not for a second.

        Raises StillWaiting.
        """
        name = self.role(logical_id)

        def count() -> int:
            return sum(call.role == name for call in faults.calls(self.aws, since=since))

        def is_quiet() -> bool:
            before = count()
            time.sleep(1)
            return 0 < before == count()

        eventually(is_quiet, seconds=QUIET_SECONDS)

    def query(self, sql: str) -> list[list[str | None]]:
        """The rows of Athena's result as texts, without the header. Raises QueryRefused."""
        athena = self.aws.client("athena")
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.stack.outputs["DatabaseName"]},
            WorkGroup=self.stack.outputs["WorkGroupName"],
        )["QueryExecutionId"]

        def ended() -> dict[str, str] | None:
            status: dict[str, str] = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            return status if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        status = eventually(ended, seconds=QUERY_SECONDS)
        if status["State"] != "SUCCEEDED":
            raise QueryRefused(f"{sql}: {status.get('StateChangeReason')}")
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
        rows = [
            [cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return rows[1:]
