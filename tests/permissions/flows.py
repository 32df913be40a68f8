"""What the stack is for, each as a run that ends with a list of what is not as it should be (empty when all is)."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from local import faults
from tests.permissions.guests import GUESTS_EVERY
from tests.permissions.world import SMALL_FILE_BYTES, World, guests

CRAWLER_LOGS = "/aws-glue/crawlers"

_numbers = count(1)


@dataclass(frozen=True)
class Flow:
    """run: does it with files of its own and says what is wrong."""

    name: str
    run: Callable[[World], list[str]]


class Wrong(list[str]):
    """What is not as it should be."""

    def expect(self, holds: bool, fact: str) -> bool:
        if not holds:
            self.append(f"not so: {fact}")
        return holds


def fresh(kind: str) -> tuple[str, str]:
    """A key that no run has had, and a month that no row has had."""
    number = next(_numbers)
    return f"guests/{kind}-{number}/2025-03-05.csv", f"{1500 + number // 12}-{1 + number % 12:02}"


def published(world: World, key: str, body: str, wrong: Wrong) -> str:
    """Upload a file and hold what stands against it; returns the version."""
    version = world.put(key, body)
    status = world.status(key, version, "PUBLISHED", "REJECTED", "FAILED", "SUPERSEDED")
    if not wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})"):
        entry = world.entry(key, version)
        wrong += world.failed_states(entry["run_id"]) if world.execution(entry.get("run_id", "")) else []
        return version
    run_id = world.entry(key, version)["run_id"]
    wrong.expect(world.execution(run_id) == "SUCCEEDED", f"the run succeeded: {world.failed_states(run_id)}")
    return version


def good(world: World) -> list[str]:
    """A good file with a new partition goes all the way."""
    wrong = Wrong()
    key, month = fresh("good")
    body = guests({"arrival": f"{month}-01"}, {"arrival": f"{month}-02"}, {"nights": "0"})
    version = published(world, key, body, wrong)
    if wrong:
        return wrong
    wrong.expect(world.rows(key) == 2, "readers see its two rows")
    wrong.expect(world.tags(key, version).get("sluice:status") == "PUBLISHED", "the upload is tagged PUBLISHED")
    wrong.expect(world.announced("DatasetUpdated", key), "the bus is told")
    quarantined = f"SELECT count(*) FROM guests_quarantine WHERE _source_key = 's3://{world.raw}/{key}'"  # noqa: S608
    wrong.expect(world.query(quarantined) == [["1"]], "the quarantine has its third row")
    return wrong


def rejected(world: World) -> list[str]:
    """A file that is none of ours is rejected, and people are told."""
    wrong = Wrong()
    key, _ = fresh("rejected")
    version = world.put(key, "no,header,of,ours\n1,2,3,4\n")
    status = world.status(key, version, "REJECTED", "PUBLISHED", "FAILED")
    wrong.expect(status == "REJECTED", f"the ledger says REJECTED ({status or 'nothing'})")
    wrong.expect(world.tags(key, version).get("sluice:verdict") == "rejected", "the upload is tagged")
    if not wrong:
        wrong.expect(world.alerted(key), "people are told")
        wrong.expect(world.announced("FileRejected", key), "the bus is told")
        report = f"reports/{world.entry(key, version)['source_id']}/validation.json"
        wrong.expect(report in world.objects(world.stack.outputs["WorkBucketName"], report), "the report is there")
    return wrong


def first(world: World) -> list[str]:
    """A first file makes the tables and the crawler's log."""
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    for table in ("guests", "guests_quarantine"):
        with suppress(glue.exceptions.EntityNotFoundException):
            glue.delete_table(DatabaseName=database, Name=table)
    logs = world.aws.client("logs")
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_group(logGroupName=CRAWLER_LOGS)
    wrong = Wrong(good(world))
    wrong.expect(_logged(world, CRAWLER_LOGS, world.stack.outputs["CrawlerName"]), "the crawler's log is kept")
    return wrong


def changed(world: World) -> list[str]:
    """A table that is older than the contract is brought up to it."""
    wrong = Wrong()
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    for name in ("guests", "guests_quarantine"):
        table = glue.get_table(DatabaseName=database, Name=name)["Table"]
        kept = {key: table[key] for key in ("Name", "TableType", "PartitionKeys")}
        storage = table["StorageDescriptor"]
        older = kept | {"StorageDescriptor": storage | {"Columns": storage["Columns"][:-1]}}
        glue.update_table(DatabaseName=database, TableInput=older | {"Parameters": {"sluice.contract_version": "0"}})
    key, _ = fresh("changed")
    published(world, key, guests({"arrival": "2025-03-05"}), wrong)
    for name in ("guests", "guests_quarantine"):
        columns = glue.get_table(DatabaseName=database, Name=name)["Table"]["StorageDescriptor"]["Columns"]
        wrong.expect(columns[-1]["Name"] == "_row_number", f"{name} has its last column")
    return wrong


def cold(world: World) -> list[str]:
    """A new environment of the cleaning function reads the key of the hashes."""
    wrong = Wrong()
    name, functions = world.stack.resources["CleanFunction"], world.aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {"Variables": variables | {"COLD": str(next(_numbers))}}
    functions.update_function_configuration(FunctionName=name, Environment=changed)
    key, _ = fresh("cold")
    published(world, key, guests({"arrival": "2025-03-05", "email": "cold@example.org"}), wrong)
    return wrong


def described(world: World) -> list[str]:
    """There is a page of a run, of its dataset and of a rejected file."""
    wrong = Wrong()
    work = world.stack.outputs["WorkBucketName"]
    key, _ = fresh("described")
    version = published(world, key, guests({"arrival": "2025-03-05"}), wrong)
    bad, _ = fresh("rejected")
    bad_version = world.put(bad, "no,header,of,ours\n1,2,3,4\n")
    world.status(bad, bad_version, "REJECTED", "PUBLISHED", "FAILED")
    if wrong:
        return wrong
    run_id, bad_id = world.entry(key, version)["run_id"], world.entry(bad, bad_version)["source_id"]
    wanted = {f"runs/{run_id}/report.html", f"runs/{run_id}/report.json", f"reports/{bad_id}/report.html"}

    def missing() -> set[str]:
        there = {*world.objects(work, f"runs/{run_id}/"), *world.objects(work, f"reports/{bad_id}/")}
        page = world.aws.client("s3").get_object(Bucket=work, Key="pages/guests.html")["Body"].read().decode()
        return (wanted - there) | {f"{run_id} on pages/guests.html" for _ in "x" if run_id not in page}

    left = world.wait(missing, lambda left: not left)
    wrong.expect(not left, f"there is {sorted(left)}")
    return wrong


def watched(world: World) -> list[str]:
    """People are told of a dataset that is silent."""
    wrong = Wrong()
    now = datetime.now(UTC) + GUESTS_EVERY + timedelta(minutes=30)
    answer = world.aws.client("lambda").invoke(
        FunctionName=world.stack.resources["WatchFunction"], Payload=json.dumps({"time": now.isoformat()}).encode()
    )
    told = json.loads(answer["Payload"].read())
    if wrong.expect("guests" in told.get("told", []), f"guests are told to be silent ({told})"):
        heard = world.listen(lambda message: "guests" in message.get("Subject", "") or "guests" in str(message))
        wrong.expect(heard is not None, "people are told")
    return wrong


def corrected(world: World) -> list[str]:
    """A second version of a file replaces just the first one's rows."""
    wrong = Wrong()
    key, month = fresh("corrected")
    published(world, key, guests({"arrival": f"{month}-01"}, {"arrival": "2025-03-05"}, {"nights": "0"}), wrong)
    if not wrong:
        published(world, key, guests({"arrival": f"{month}-03"}), wrong)
    if not wrong:
        wrong.expect(world.rows(key) == 1, "readers see the new row only")
    return wrong


def undone(world: World) -> list[str]:
    """A run that fails after it has published leaves what stood before, and people are told."""
    return _failing(world, "undone", machine_only=True)


def recovered(world: World) -> list[str]:
    """A run that fails, and whose undoing fails, is undone all the same."""
    return _failing(world, "recovered", machine_only=False)


def undone_new(world: World) -> list[str]:
    """A first file whose run fails after it has published leaves nothing."""
    return _failing(world, "undone-new", machine_only=True, new=True)


def recovered_new(world: World) -> list[str]:
    """A first file whose run fails, and whose undoing fails, leaves nothing all the same."""
    return _failing(world, "recovered-new", machine_only=False, new=True)


def _failing(world: World, kind: str, *, machine_only: bool, new: bool = False) -> list[str]:
    wrong = Wrong()
    key, _ = fresh(kind)
    old = guests({"arrival": "2025-03-05"}, {"arrival": "2025-04-05"}, {"nights": "0"})
    first = "" if new else published(world, key, old, wrong)
    if wrong:
        return wrong
    before = _stand(world)
    with broken(world, "athena:StartQueryExecution", role="EtlStateMachineRole"):
        for role in () if machine_only else ("UndoRole", "ReportRole"):
            faults.inject(world.aws, "s3:*", role=world.stack.resources[role], times=100, status=403, code="No")
        # A partition less and one more than before, none of them new to the catalog; and quarantined rows again.
        second = world.put(key, guests({"arrival": "2025-03-06"}, {"arrival": "2025-05-06"}, {"nights": "-1"}))
        status = world.status(key, second, "PUBLISHED", "FAILED", "REJECTED")
        wrong.expect(status == "FAILED", f"the ledger says FAILED ({status or 'nothing'})")
        run_id = world.entry(key, second).get("run_id", "")
        wrong.expect(world.execution(run_id) == "FAILED", "the run failed")
    if machine_only and run_id:
        unexpected = [state for state in world.failed_states(run_id) if not state.startswith("CountRows")]
        wrong.expect(not unexpected, f"nothing failed but the query: {unexpected}")
    wrong.expect(_stand(world) == before, "readers see the very object versions of before")
    wrong.expect(world.rows(key) == (0 if new else 2), "readers see the rows of before")
    wrong.expect(new or world.entry(key, first)["status"] == "PUBLISHED", "the first version is PUBLISHED")
    if not wrong:
        wrong.expect(world.alerted(key), "people are told")
        wrong.expect(world.announced("RunFailed", key), "the bus is told")
    return wrong


def _stand(world: World) -> dict[str, str]:
    pages = world.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=world.lake)
    versions = [version for page in pages for version in page.get("Versions", [])]
    return {version["Key"]: version["VersionId"] for version in versions if version["IsLatest"]}


@contextmanager
def broken(world: World, action: str, *, role: str) -> Iterator[None]:
    """No call of an action by a role succeeds."""
    faults.inject(world.aws, action, role=world.stack.resources[role], times=1000, status=400, code="InvalidRequest")
    try:
        yield
    finally:
        faults.clear(world.aws)


def large(world: World) -> list[str]:
    """A file too large for Lambda is cleaned by the Glue job."""
    wrong = Wrong()
    key, month = fresh("large")
    body = guests(*({"arrival": f"{month}-0{1 + number % 3}", "nights": str(number % 9)} for number in range(600)))
    if not wrong.expect(len(body) > SMALL_FILE_BYTES, "the file is large"):
        return wrong
    version = world.put(key, body)
    status = world.status(key, version, "PUBLISHED", "FAILED", "REJECTED")
    run_id = world.entry(key, version).get("run_id", "")
    if not wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})"):
        wrong += world.failed_states(run_id) if run_id and world.execution(run_id) else []
        return wrong
    wrong.expect(world.entry(key, version)["engine"] == "spark", "Spark cleaned it")
    wrong.expect(world.execution(run_id) == "SUCCEEDED", "the run succeeded")
    wrong.expect(world.rows(key) == 600 - len(range(0, 600, 9)), "readers see its good rows")
    staged = world.objects(world.stack.outputs["WorkBucketName"], f"runs/{run_id}/")
    wrong.expect(not [name for name in staged if "/_work/" in name], "the job has cleaned up behind itself")
    runs = world.aws.client("glue").get_job_runs(JobName=world.stack.outputs["CleanJobName"])["JobRuns"]
    groups = [world.stack.resources["CleanJobOutputLogs"], world.stack.resources["CleanJobErrorLogs"]]
    wrong.expect(all(_logged(world, group, runs[0]["Id"]) for group in groups), "the job's log is kept")
    return wrong


def _logged(world: World, group: str, stream: str) -> bool:
    try:
        logs = world.aws.client("logs")
        return bool(logs.get_log_events(logGroupName=group, logStreamName=stream)["events"])
    except ClientError:
        return False


def stopped(world: World) -> list[str]:
    """Stopping a run stops its Glue job too."""
    wrong = Wrong()
    key, _ = fresh("stopped")
    version = world.put(key, guests(*({"arrival": "2025-03-05"} for _ in range(600))))
    glue, job = world.aws.client("glue"), world.stack.outputs["CleanJobName"]
    started = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]}

    def mine() -> dict[str, Any]:
        return next((run for run in glue.get_job_runs(JobName=job)["JobRuns"] if run["Id"] not in started), {})

    if not wrong.expect(bool(world.wait(mine, bool)), "the job runs"):
        return wrong
    run_id = world.entry(key, version)["run_id"]
    arn = world.stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{run_id}"
    world.aws.client("stepfunctions").stop_execution(executionArn=arn)
    state = world.wait(lambda: mine()["JobRunState"], lambda state: "ING" not in state)
    wrong.expect(state == "STOPPED", f"the job is stopped ({state})")
    status = world.status(key, version, "FAILED", "PUBLISHED")
    wrong.expect(status == "FAILED", f"the ledger says FAILED ({status})")
    return wrong


def shared(world: World) -> list[str]:
    """The custom resource lays down the code of the Glue job and answers."""
    wrong = Wrong()
    with answering() as (url, answers):
        event = {
            "RequestType": "Update",
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "SharedCode",
        }
        world.aws.client("lambda").invoke(
            FunctionName=world.stack.resources["ShareFunction"], Payload=json.dumps(event).encode()
        )
    if wrong.expect(len(answers) == 1, "CloudFormation is answered"):
        wrong.expect(answers[0]["Status"] == "SUCCESS", f"the code is shared: {answers[0]['Reason']}")
    return wrong


def buried(world: World) -> list[str]:
    """An event that is none ends in the dead letter queue with its reason."""
    wrong = Wrong()
    sqs, body = world.aws.client("sqs"), f"no event {next(_numbers)}"
    sqs.send_message(QueueUrl=world.stack.outputs["UploadQueueUrl"], MessageBody=body)

    def reason() -> str:
        letters = sqs.receive_message(
            QueueUrl=world.stack.outputs["DeadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        return next((str(letter.get("MessageAttributes")) for letter in letters if letter["Body"] == body), "")

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
            """The campaign tells what matters."""

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
    states, name = world.aws.client("stepfunctions"), f"probe-{next(_numbers)}"
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


FLOWS = (
    Flow("logging_machine", logging_machine),
    Flow("shared", shared),
    Flow("buried", buried),
    Flow("rejected", rejected),
    Flow("good", good),
    Flow("described", described),
    Flow("watched", watched),
    Flow("changed", changed),
    Flow("cold", cold),
    Flow("first", first),
    Flow("corrected", corrected),
    Flow("undone_new", undone_new),
    Flow("undone", undone),
    Flow("recovered_new", recovered_new),
    Flow("recovered", recovered),
    Flow("large", large),
    Flow("stopped", stopped),
)
"""The quick ones first."""
