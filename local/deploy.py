"""Deploys a SAM template into the local AWS the way `sam deploy` does: package, change set, wait."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.connection import Connection
from local.packaging import Packager
from local.template import Template, read_template

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEPLOY_SECONDS = 300.0
SOURCE_BUCKET = "aws-sam-cli-managed-default-samclisourcebucket-local"
"""Named as the one that `sam deploy` makes for itself, because roles may name it."""
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
CONSEQUENCES = ("cancelled", "canceled")  # reasons of resources that failed only because another one did


class DeployFailed(Exception):
    """A stack could not be created, updated or deleted. `resource` is the first logical id that failed."""

    def __init__(self, stack: str, resource: str, reason: str) -> None:
        super().__init__(f"stack {stack}: {resource}: {reason}")
        self.stack = stack
        self.resource = resource
        self.reason = reason


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs by name, and the physical id of each resource by logical id."""

    stack: str
    outputs: dict[str, str]
    resources: dict[str, str]


def deploy(
    aws: Connection,
    template: Path,
    *,
    stack: str,
    parameters: Mapping[str, str] | None = None,
    seconds: float = DEPLOY_SECONDS,
) -> Deployment:
    """Create or update `stack` from the template at a path, local or built by `sam build`.

    Paths in the template are relative to its folder. A parameter that is not given keeps the value of the last
    deploy. Raises DeployFailed, MissingPath.
    """
    s3 = aws.client("s3")
    ensure_bucket(aws, SOURCE_BUCKET)
    packager = Packager(
        root=template.resolve().parent,
        bucket=SOURCE_BUCKET,
        upload=lambda key, content: s3.put_object(Bucket=SOURCE_BUCKET, Key=key, Body=content),
    )
    packaged = packager.package(read_template(template))
    body_key = f"{stack}.template.json"
    s3.put_object(Bucket=SOURCE_BUCKET, Key=body_key, Body=json.dumps(packaged).encode())
    return _Deployer(aws, stack, seconds).run(
        url=f"{aws.endpoint}/{SOURCE_BUCKET}/{body_key}", template=packaged, parameters=dict(parameters or {})
    )


def delete(aws: Connection, stack: str) -> None:
    """Delete `stack` and wait until it is gone. Raises DeployFailed."""
    deployer = _Deployer(aws, stack, DEPLOY_SECONDS)
    stack_id = deployer.describe()["StackId"]
    deployer.cloudformation.delete_stack(StackName=stack)
    deployer.wait(stack_id)


def ensure_bucket(aws: Connection, bucket: str) -> None:
    """Make `bucket` unless it is there."""
    try:
        aws.client("s3").create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


class _Deployer:
    """One operation on one stack."""

    def __init__(self, aws: Connection, stack: str, seconds: float) -> None:
        self.cloudformation = aws.client("cloudformation")
        self._stack = stack
        self._started = datetime.now(UTC)
        self._deadline = time.monotonic() + seconds

    def run(self, *, url: str, template: Template, parameters: dict[str, str]) -> Deployment:
        found = self.find()
        if found is not None and found["StackStatus"] == "ROLLBACK_COMPLETE":
            # CloudFormation can only delete what is left of a failed creation; there is nothing to keep.
            self.cloudformation.delete_stack(StackName=self._stack)
            self.wait(found["StackId"])
            found = None
        exists = found is not None and found["StackStatus"] != "REVIEW_IN_PROGRESS"
        known = {entry["ParameterKey"] for entry in (found or {}).get("Parameters", [])} if exists else set()
        change_set = self.cloudformation.create_change_set(
            StackName=self._stack,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateURL=url,
            Capabilities=CAPABILITIES,
            Parameters=stack_parameters(template, parameters, known),
        )
        if self._await_change_set(change_set["Id"]):
            self.cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
            self.wait(change_set["StackId"])
        return self.deployment()

    def find(self) -> dict[str, Any] | None:
        """The stack's description, or None where there is no such stack."""
        try:
            return self.describe()
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise

    def describe(self, name: str | None = None) -> dict[str, Any]:
        stacks = self.cloudformation.describe_stacks(StackName=name or self._stack)["Stacks"]
        description: dict[str, Any] = stacks[0]
        return description

    def _await_change_set(self, change_set: str) -> bool:
        """Whether there is anything to change."""
        while True:
            answer = self.cloudformation.describe_change_set(ChangeSetName=change_set)
            if answer["Status"] == "CREATE_COMPLETE":
                return True
            if answer["Status"] == "FAILED":
                reason = answer.get("StatusReason", "")
                if any(text in reason for text in NO_CHANGES):
                    return False
                raise DeployFailed(self._stack, "change set", reason)
            self._pause("change set")

    def wait(self, stack_id: str) -> None:
        """Wait for the end of what is going on. Raises DeployFailed unless it went well."""
        while True:
            description = self.describe(stack_id)
            status = description["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            self._pause(self._stack)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
            raise self._failure(stack_id, f"{status}: {description.get('StackStatusReason', '')}")

    def _failure(self, stack_id: str, fallback: str) -> DeployFailed:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [event for page in pages for event in page["StackEvents"]]  # latest first
        failed = [
            event
            for event in reversed(events)
            if event["Timestamp"] >= self._started
            and event["ResourceStatus"].endswith("_FAILED")
            and not any(text in event.get("ResourceStatusReason", "").lower() for text in CONSEQUENCES)
        ]
        if not failed:
            return DeployFailed(self._stack, self._stack, fallback)
        return DeployFailed(
            self._stack, failed[0]["LogicalResourceId"], failed[0].get("ResourceStatusReason", fallback)
        )

    def deployment(self) -> Deployment:
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self._stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return Deployment(
            stack=self._stack,
            outputs={out["OutputKey"]: out["OutputValue"] for out in self.describe().get("Outputs", [])},
            resources={resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in resources},
        )

    def _pause(self, what: str) -> None:
        if time.monotonic() > self._deadline:
            raise DeployFailed(self._stack, what, "did not end in time")
        time.sleep(0.2)


def stack_parameters(template: Template, given: Mapping[str, str], known: set[str]) -> list[dict[str, str | bool]]:
    """The parameters of a change set: given ones by value, others as they were where the stack has them."""
    parameters: list[dict[str, str | bool]] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in given.items()
    ]
    unchanged = [key for key in template.get("Parameters", {}) if key not in given and key in known]
    return parameters + [{"ParameterKey": key, "UsePreviousValue": True} for key in unchanged]
