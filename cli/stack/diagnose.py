"""The checks of `sluice doctor`; each returns findings."""

import importlib.metadata
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.spark import JAVA, java_version
from cli.stack import history
from cli.stack.connection import Stack
from cli.stack.deployment import changed_modules, changed_resources
from cli.terminal.errors import code
from sluice.ingest.unseen import unseen
from sluice.ledger.history import RunHistory
from sluice.ledger.ledger import FAILED, RECEIVED

OK, NOTE, BAD = "ok", "note", "bad"

_STARTS_RUNS = [("dynamodb:UpdateItem", "ledger"), ("states:StartExecution", "machine"), ("s3:PutObject", "runs")]
WRITES = {
    "put": [("s3:PutObject", "raw")],
    "backfill": [("s3:PutObject", "raw"), ("sqs:SendMessage", "queue"), *_STARTS_RUNS],
    "redrive": _STARTS_RUNS,
}
"""The permissions by which commands write: of docs/operations/README.md."""


@dataclass(frozen=True)
class Finding:
    """state: ok, note (worth knowing) or bad (to be fixed)."""

    what: str
    state: str
    detail: str


def this_machine() -> list[Finding]:
    """Check the versions on this machine."""
    names = ("polars", "pandera", "boto3", "aws-lambda-powertools")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    found = [Finding("python", OK, f"{platform.python_version()}; {versions}")]
    java = shutil.which("java")
    if java and java_version(java) >= JAVA:
        found.append(Finding("java", OK, f"Java {java_version(java)}: Spark can run here"))
    else:
        found.append(
            Finding("java", NOTE, f"no Java {JAVA} or newer: only --engine spark and large local files need it")
        )
    for package, use in (("awswrangler", "query and quarantine --export"), ("ministack", "up")):
        try:
            found.append(Finding(package, OK, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            install = ".venv/bin/uv sync --inexact --frozen --group local"
            found.append(Finding(package, NOTE, f"not installed; sluice {use} needs it: {install}"))
    return found


def identity(stack: Stack) -> list[Finding]:
    """Show the credentials and the stack."""
    who = stack.client("sts").get_caller_identity()
    where = "the local AWS" if stack.local else stack.session.region_name
    return [
        Finding("credentials", OK, who["Arn"]),
        Finding("stack", OK, f"{stack.name} on {where}"),
    ]


def reading(stack: Stack) -> list[Finding]:
    """Try the calls by which the commands read."""
    tries: dict[str, Callable[[], Any]] = {
        "s3:ListBucket raw": lambda: stack.client("s3").list_objects_v2(Bucket=stack.raw, MaxKeys=1),
        "s3:ListBucket lake": lambda: stack.client("s3").list_objects_v2(Bucket=stack.lake, MaxKeys=1),
        "s3:ListBucket work": lambda: stack.client("s3").list_objects_v2(Bucket=stack.work, MaxKeys=1),
        "dynamodb:Query": lambda: history.of_run(stack, "none"),
        "states:ListExecutions": lambda: stack.client("stepfunctions").list_executions(
            stateMachineArn=stack.machine, maxResults=1
        ),
        "sqs:GetQueueAttributes": lambda: _messages(stack, "DeadLetterQueueUrl"),
        "athena:GetWorkGroup": lambda: stack.client("athena").get_work_group(WorkGroup=stack.output("WorkGroupName")),
        "glue:GetTables": lambda: stack.client("glue").get_tables(DatabaseName=stack.output("DatabaseName")),
    }
    denied = [(name, message) for name, call in tries.items() if (message := _error_of(call))]
    return [Finding(name, BAD, message) for name, message in denied] or [
        Finding("reading", OK, "buckets, ledger, runs, queues, tables")
    ]


def writing(stack: Stack) -> list[Finding]:
    """Ask IAM's simulator whether the commands may write."""
    resources = {
        "raw": f"arn:aws:s3:::{stack.raw}/*",
        "runs": f"arn:aws:s3:::{stack.work}/runs/*",
        "machine": stack.machine,
        "ledger": _arn(stack, "dynamodb", f"table/{stack.ledger_table}"),
        "queue": _arn(stack, "sqs", stack.output("UploadQueueUrl").rsplit("/", 1)[-1]),
    }
    denied = []
    for command, calls in WRITES.items():
        for action, resource in calls:
            try:
                if not _allowed(stack, action, resources[resource]):
                    denied.append(Finding(command, BAD, f"{action} on {resources[resource]} is denied"))
            except (ClientError, BotoCoreError) as error:
                return [Finding("writing", NOTE, f"unknown: IAM's simulator cannot be called ({code(error)})")]
    return denied or [Finding("writing", OK, ", ".join(WRITES))]


def deployment(stack: Stack, template: Path) -> list[Finding]:
    """Check the stack's status, and compare its code and template with those here."""
    description = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    status = description["StackStatus"]
    good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    found = [Finding("deployment", OK if good else BAD, status)]
    changed = sorted(changed_modules(stack))
    detail = f"{len(changed)} modules differ from those here: {', '.join(changed[:5])}"
    found.append(Finding("code", NOTE, detail) if changed else Finding("code", OK, "as here: sluice and datasets"))
    try:
        changed = changed_resources(stack, template)
    except ModuleNotFoundError:
        found.append(Finding("template", NOTE, "not compared: PyYAML is not installed"))
    else:
        detail = f"{len(changed)} resources differ from {template.name}: {', '.join(changed[:5])}; deploy it"
        found.append(
            Finding("template", NOTE, detail) if changed else Finding("template", OK, f"as {template.name} here")
        )
    return found


def backlog(stack: Stack) -> list[Finding]:
    """Check for dead letters, failed files, files that make no progress, and objects of which no event came."""
    found = []
    dead = _messages(stack, "DeadLetterQueueUrl")
    if dead:
        found.append(
            Finding("dead letters", BAD, f"{dead:,} events could not be handled: sluice redrive --dead-letters")
        )
    queued = _messages(stack, "UploadQueueUrl")
    found.append(Finding("uploads", OK, f"{queued:,} wait for validation"))
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    failed = len(history.changed(stack, week, status=FAILED))
    if failed:
        found.append(Finding("failed", BAD, f"{failed:,} files in 7 days: sluice runs --status FAILED"))
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    still = [e for e in history.changed(stack, week, status=RECEIVED) if e["updated_at"] < hour_ago]
    unbatched = sum(1 for entry in still if "rows" in entry and not entry.get("run_id"))
    if unbatched:
        detail = f"{unbatched:,} accepted files wait for a backfill that was interrupted: repeat it"
        found.append(Finding("waiting", BAD, detail))
    if len(still) > unbatched:
        found.append(
            Finding(
                "received", BAD, f"{len(still) - unbatched:,} files have had no validation result or run for an hour"
            )
        )
    entries = RunHistory(stack.client("dynamodb"), stack.ledger_table).entries
    missed = unseen(stack.client("s3"), stack.raw, entries, now=datetime.now(UTC), within=timedelta(days=7))
    if missed:
        named = ", ".join(version.key for _, version in missed[:3])
        detail = (
            f"{len(missed):,} objects of 7 days never reached the ledger ({named}): sluice backfill s3://{stack.raw}/"
        )
        found.append(Finding("never seen", BAD, detail))
    return found


def drifted(stack: Stack) -> list[Finding]:
    """Let CloudFormation detect resources that were changed by hand."""
    cloudformation = stack.client("cloudformation")
    try:
        detection = cloudformation.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]
        while True:
            answer = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(3)
    except (ClientError, BotoCoreError) as error:
        return [Finding("drift", NOTE, f"unknown: {code(error)}")]
    in_sync = answer.get("StackDriftStatus") == "IN_SYNC"
    detail = f"{answer.get('StackDriftStatus')}: {answer.get('DriftedStackResourceCount', 0)} resources changed by hand"
    return [Finding("drift", OK if in_sync else BAD, detail)]


def _allowed(stack: Stack, action: str, resource: str) -> bool:
    arn = stack.client("sts").get_caller_identity()["Arn"]
    if ":assumed-role/" in arn:
        account, role = arn.split(":")[4], arn.split("/")[1]
        arn = f"arn:aws:iam::{account}:role/{role}"
    if arn.endswith(":root"):
        return True
    answer = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
    )
    return all(each["EvalDecision"] == "allowed" for each in answer["EvaluationResults"])


def _messages(stack: Stack, queue: str) -> int:
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.output(queue), AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def _error_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        return str(error)
    return ""


def _arn(stack: Stack, service: str, resource: str) -> str:
    region, account = stack.machine.split(":")[3:5]
    return f"arn:aws:{service}:{region}:{account}:{resource}"
