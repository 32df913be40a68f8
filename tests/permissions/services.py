"""Flows without a file: a function, a queue or a service of the stack is called as AWS calls it."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from local.waiting import StillWaiting, eventually
from tests.permissions.expectations import (
    TABLES,
    Wrong,
    expect_current_tables,
    fresh,
    numbers,
    outdate,
    published,
)
from tests.permissions.guests import GUESTS_EVERY
from tests.permissions.world import World, guests


def watched(world: World) -> list[str]:
    """People are notified of a stale dataset, and uploads are compared with the ledger."""
    wrong = Wrong()

    def response_at(later: timedelta) -> dict[str, Any]:
        return world.invoke("WatchFunction", {"time": (datetime.now(UTC) + later).isoformat()})

    soon = response_at(timedelta(minutes=15))
    wrong.expect(soon.get("unseen") == 0, f"every upload is in the ledger ({soon})")
    response = response_at(GUESTS_EVERY + timedelta(minutes=30))
    if wrong.expect("guests" in response.get("notified", []), f"guests are reported as stale ({response})"):
        heard = world.listen(lambda message: "guests" in message.get("Subject", "") or "guests" in str(message))
        wrong.expect(heard is not None, "people are notified")
    return wrong


def crawled(world: World) -> list[str]:
    """A crawl follows a run that made a partition; the run compares it, and people are notified of what it finds."""
    wrong = Wrong()
    key, month = fresh("crawled")
    begun = datetime.now(UTC)
    version = published(world, key, guests({"arrival": f"{month}-01"}), wrong)
    if wrong:
        return wrong
    wrong += world.failed_states(world.entry(key, version)["run_id"])
    glue = world.aws.client("glue")

    def last() -> dict[str, Any] | None:
        crawler = glue.get_crawler(Name=world.stack.outputs["CrawlerName"])["Crawler"]
        crawl = crawler.get("LastCrawl") or {}
        return crawl if crawler["State"] == "READY" and crawl.get("StartTime", begun) > begun else None

    crawl: dict[str, Any] = {}
    with suppress(StillWaiting):
        crawl = eventually(last, seconds=20) or {}
    wrong.expect(crawl.get("Status") == "SUCCEEDED", f"a crawl ended well ({crawl})")
    message = f"failure {next(numbers)}"
    world.invoke("CompareCrawlFunction", {"status": "FAILED", "message": message})
    wrong.expect(world.alerted(message), "people are notified of a crawl that failed")
    wrong.expect(world.announced("CrawlDisagrees", message), "the event bus is notified")
    return wrong


def verified(world: World) -> list[str]:
    """People are notified of an object that a query should find and does not, and of a partition."""
    wrong = Wrong()
    key, month = fresh("verified")
    published(world, key, guests({"arrival": f"{month}-01"}), wrong)
    if wrong:
        return wrong
    s3, glue = world.aws.client("s3"), world.aws.client("glue")
    folder = f"published/guests/arrival_month={month}/"
    (lost,) = world.objects(world.lake, folder)
    marker = s3.delete_object(Bucket=world.lake, Key=lost)["VersionId"]
    of_partition: Any = {"DatabaseName": world.stack.outputs["DatabaseName"], "TableName": "guests"}
    partition = glue.get_partition(**of_partition, PartitionValues=[month])["Partition"]
    glue.delete_partition(**of_partition, PartitionValues=[month])
    try:
        response = world.invoke("VerifyFunction", {})
        found = response.get("differences", {})
        wrong.expect(found.get("object_missing") == 1, f"one object is missing ({response})")
        wrong.expect(found.get("partition_missing") == 1, f"one partition is missing ({response})")
        if not wrong:
            wrong.expect(world.alerted(lost), "people are notified")
            wrong.expect(world.announced("LakeDiffers", world.raw), "the event bus is notified")
    finally:
        s3.delete_object(Bucket=world.lake, Key=lost, VersionId=marker)
        again = {name: partition[name] for name in ("Values", "StorageDescriptor")}
        glue.create_partition(**of_partition, PartitionInput=again)
    return wrong


def set_up(world: World) -> list[str]:
    """The custom resource uploads the code of the Glue job, makes and updates the tables, and answers."""
    wrong = Wrong()
    published_rows, quarantined_rows = TABLES
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    of_table, month = {"DatabaseName": database, "TableName": published_rows}, ["1999-01"]
    storage = glue.get_table(DatabaseName=database, Name=published_rows)["Table"]["StorageDescriptor"]
    location = {"Location": f"{storage['Location'].rstrip('/')}/arrival_month=1999-01/"}
    glue.create_partition(**of_table, PartitionInput={"Values": month, "StorageDescriptor": storage | location})
    outdate(world, published_rows)
    with suppress(glue.exceptions.EntityNotFoundException):  # a refused Setup has not made it again
        glue.delete_table(DatabaseName=database, Name=quarantined_rows)
    layer = next(arn for name, arn in world.stack.resources.items() if name.startswith("GluePackagesLayer"))
    with answering() as (url, answers):
        event = {
            "RequestType": "Update",
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Setup",
            "ResourceProperties": {"GluePackages": layer},
        }
        world.invoke("SetupFunction", event)
    if wrong.expect(len(answers) == 1, "CloudFormation is answered"):
        wrong.expect(answers[0]["Status"] == "SUCCESS", f"the code is shared: {answers[0]['Reason']}")
    partition = glue.get_partition(**of_table, PartitionValues=month)["Partition"]
    columns = partition["StorageDescriptor"]["Columns"]
    wrong.expect(columns == storage["Columns"], "the partition has the table's columns")
    glue.delete_partition(**of_table, PartitionValues=month)
    expect_current_tables(world, wrong)
    return wrong


def buried(world: World) -> list[str]:
    """An event that is none ends in the dead letter queue with its reason."""
    wrong = Wrong()
    sqs, body = world.aws.client("sqs"), f"no event {next(numbers)}"
    sqs.send_message(QueueUrl=world.stack.outputs["UploadQueueUrl"], MessageBody=body)

    def reason() -> str:
        messages = sqs.receive_message(
            QueueUrl=world.stack.outputs["DeadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return next((str(message.get("MessageAttributes")) for message in messages if message["Body"] == body), "")

    found = world.wait(reason, bool)
    wrong.expect("UnexpectedEvent" in found, f"the event is a dead letter that says why ({found})")
    return wrong


@contextmanager
def answering() -> Iterator[tuple[str, list[Any]]]:
    """The address of a server of ours that takes what CloudFormation would take, and what it took."""
    taken: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The campaign asserts on this."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", taken
    finally:
        server.shutdown()
        server.server_close()


def logging_machine(world: World) -> list[str]:
    """A state machine that logs can be made under the role."""
    wrong = Wrong()
    states, name = world.aws.client("stepfunctions"), f"probe-{next(numbers)}"
    role = world.aws.client("iam").get_role(RoleName=world.stack.resources["EtlStateMachineRole"])["Role"]["Arn"]
    group = f"arn:aws:logs:us-east-1:000000000000:log-group:{world.stack.resources['EtlStateMachineLogs']}:*"
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    logging: Any = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    try:
        made = states.create_state_machine(name=name, definition=definition, roleArn=role, loggingConfiguration=logging)
        states.delete_state_machine(stateMachineArn=made["stateMachineArn"])
    except ClientError as error:
        wrong.append(str(error))
    return wrong
