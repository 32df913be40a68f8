"""The questions that `sluice doctor` asks; each answer is a finding."""

import importlib.metadata
import json
import platform
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

import datasets
import sluice
from cli.spark import JAVA, java_version
from cli.stack import history
from cli.stack.connection import Stack
from sluice.ledger.ledger import FAILED, RECEIVED

OK, NOTE, BAD = "ok", "note", "bad"

_UNCOMPARED = {"CodeUri", "ContentUri", "DefinitionUri", "ScriptLocation", "Metadata"}
"""What deploying itself replaces in a template."""
_WRITES = {
    "put": [("s3:PutObject", "raw"), ("s3:PutObjectTagging", "raw")],
    "backfill": [("sqs:SendMessage", "queue"), ("s3:PutObjectVersionTagging", "raw"), ("s3:PutObject", "runs")],
    "redrive": [("dynamodb:UpdateItem", "ledger"), ("states:StartExecution", "machine"), ("s3:PutObject", "runs")],
}


@dataclass(frozen=True)
class Finding:
    """state: ok, note (worth knowing) or bad (to be mended)."""

    what: str
    state: str
    told: str


def this_machine() -> list[Finding]:
    """Versions of what runs here."""
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
    """Who is asking."""
    who = stack.client("sts").get_caller_identity()
    where = "the local AWS" if stack.local else stack.session.region_name
    return [
        Finding("credentials", OK, who["Arn"]),
        Finding("stack", OK, f"{stack.name} on {where}"),
    ]


def reading(stack: Stack) -> list[Finding]:
    """Whether everything that the commands look at can be looked at."""
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
    refused = [(name, told) for name, call in tries.items() if (told := _refusal(call))]
    return [Finding(name, BAD, told) for name, told in refused] or [
        Finding("reading", OK, "buckets, ledger, runs, queues, tables")
    ]


def writing(stack: Stack) -> list[Finding]:
    """Whether IAM would let the commands that change something do so."""
    places = {
        "raw": f"arn:aws:s3:::{stack.raw}/*",
        "runs": f"arn:aws:s3:::{stack.work}/runs/*",
        "machine": stack.machine,
        "ledger": _arn(stack, "dynamodb", f"table/{stack.ledger_table}"),
        "queue": _arn(stack, "sqs", stack.output("UploadQueueUrl").rsplit("/", 1)[-1]),
    }
    refused = []
    for command, calls in _WRITES.items():
        for action, place in calls:
            try:
                if not _allowed(stack, action, places[place]):
                    refused.append(Finding(command, BAD, f"{action} on {places[place]} is denied"))
            except (ClientError, BotoCoreError) as error:
                return [Finding("writing", NOTE, f"not known: IAM's simulator cannot be asked ({_code(error)})")]
    return refused or [Finding("writing", OK, ", ".join(_WRITES))]


def deployed(stack: Stack, template: Path) -> list[Finding]:
    """What is deployed against what is here."""
    description = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
    status = description["StackStatus"]
    good = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    found = [Finding("deployment", OK if good else BAD, status)]
    other = sorted(_other_code(stack))
    told = f"{len(other)} modules differ from those here: {', '.join(other[:5])}"
    found.append(Finding("code", NOTE, told) if other else Finding("code", OK, "as here: sluice and datasets"))
    try:
        changed = _other_resources(stack, template)
    except ModuleNotFoundError:
        found.append(Finding("template", NOTE, "not compared: PyYAML is not installed"))
    else:
        told = f"{len(changed)} resources differ from {template.name}: {', '.join(changed[:5])}; deploy it"
        found.append(
            Finding("template", NOTE, told) if changed else Finding("template", OK, f"as {template.name} here")
        )
    return found


def waiting(stack: Stack) -> list[Finding]:
    """What stands still and should not."""
    found = []
    dead = _messages(stack, "DeadLetterQueueUrl")
    if dead:
        found.append(
            Finding("dead letters", BAD, f"{dead:,} events could not be handled: sluice redrive --dead-letters")
        )
    queued = _messages(stack, "UploadQueueUrl")
    found.append(Finding("uploads", OK, f"{queued:,} wait for the gate"))
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    failed = len(history.changed(stack, week, status=FAILED))
    if failed:
        found.append(Finding("failed", BAD, f"{failed:,} files in 7 days: sluice runs --status FAILED"))
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    still = [e for e in history.changed(stack, week, status=RECEIVED) if e["updated_at"] < hour_ago]
    lonely = sum(1 for entry in still if "rows" in entry and not entry.get("run_id"))
    if lonely:
        told = f"{lonely:,} accepted files wait for a backfill that has not come back: run it again"
        found.append(Finding("waiting", BAD, told))
    if len(still) > lonely:
        found.append(Finding("received", BAD, f"{len(still) - lonely:,} files have had no verdict or run for an hour"))
    return found


def drifted(stack: Stack) -> list[Finding]:
    """What somebody has changed by hand, says CloudFormation."""
    cloudformation = stack.client("cloudformation")
    try:
        detection = cloudformation.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]
        while True:
            answer = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(3)
    except (ClientError, BotoCoreError) as error:
        return [Finding("drift", NOTE, f"not known: {_code(error)}")]
    in_sync = answer.get("StackDriftStatus") == "IN_SYNC"
    told = f"{answer.get('StackDriftStatus')}: {answer.get('DriftedStackResourceCount', 0)} resources changed by hand"
    return [Finding("drift", OK if in_sync else BAD, told)]


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


def _other_code(stack: Stack) -> set[str]:
    """Return the modules of sluice and datasets that are deployed otherwise than they are here."""
    job = stack.client("glue").get_job(JobName=stack.output("CleanJobName"))["Job"]
    bucket, _, key = job["DefaultArguments"]["--extra-py-files"].removeprefix("s3://").partition("/")
    with zipfile.ZipFile(BytesIO(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
        there = {name: archive.read(name) for name in archive.namelist()}
    here = dict(_modules())
    return {name for name in there.keys() | here.keys() if there.get(name) != here.get(name)}


def _modules() -> Iterator[tuple[str, bytes]]:
    for package in (sluice, datasets):
        root = Path(package.__path__[0])
        for path in root.rglob("*.py"):
            yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def _other_resources(stack: Stack, template: Path) -> list[str]:
    from local.template import read_template

    body = stack.client("cloudformation").get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.yaml"
        file.write_text(body if isinstance(body, str) else json.dumps(body))
        there = read_template(file)["Resources"]
    here = read_template(template)["Resources"]
    return sorted(name for name in there.keys() | here.keys() if _bare(there.get(name)) != _bare(here.get(name)))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name not in _UNCOMPARED}
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value


def _messages(stack: Stack, queue: str) -> int:
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.output(queue), AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def _refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        return str(error)
    return ""


def _code(error: Exception) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


def _arn(stack: Stack, service: str, resource: str) -> str:
    region, account = stack.machine.split(":")[3:5]
    return f"arn:aws:{service}:{region}:{account}:{resource}"
