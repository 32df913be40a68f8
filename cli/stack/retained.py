"""What a deleted stack left: the resources that CloudFormation skipped when it deleted it, and their removal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.stack.connection import NoStack
from sluice.aws.s3 import CLIENT_CONFIG

RECOVERY_DAYS = 7
"""Days before a key or a secret is gone for good; a deletion can be cancelled until then. The fewest that AWS takes."""

_GONE = {
    "NoSuchBucket",
    "ResourceNotFoundException",
    "NotFoundException",
    "KMSInvalidStateException",
    "InvalidRequestException",
}
"""Errors of what is deleted, or is about to be."""

_ORDER = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key")
"""The key last: while it is there, what was not removed can be read."""


@dataclass(frozen=True)
class Retained:
    """A resource that stayed. name: its logical id; kind: its CloudFormation type; id: its physical id."""

    name: str
    kind: str
    id: str


def deleted_stacks(cloudformation: Any, name: str) -> list[str]:
    """Return the ids of the deleted stacks of a name; CloudFormation knows them for 90 days.

    Raises NoStack where the stack is not deleted, or there was none.
    """
    found = []
    for page in cloudformation.get_paginator("list_stacks").paginate():
        for stack in page["StackSummaries"]:
            if stack["StackName"] != name:
                continue
            if stack["StackStatus"] != "DELETE_COMPLETE":
                raise NoStack(
                    f"the stack {name} is {stack['StackStatus']}: delete it first: sam delete --stack-name {name}"
                )
            found.append(stack["StackId"])
    if not found:
        raise NoStack(f"no stack {name} was deleted within the last 90 days")
    return found


def retained(session: Any, name: str) -> list[Retained]:
    """Return what the deleted stacks of a name left and is still there. Raises NoStack."""
    cloudformation = session.client("cloudformation", config=CLIENT_CONFIG)
    skipped = {
        Retained(event["LogicalResourceId"], event["ResourceType"], event["PhysicalResourceId"])
        for stack in deleted_stacks(cloudformation, name)
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        for event in page["StackEvents"]
        if event["ResourceStatus"] == "DELETE_SKIPPED" and event["ResourceType"] in _ORDER
    }
    there = [each for each in skipped if _is_there(session, each)]
    return sorted(there, key=lambda each: (_ORDER.index(each.kind), each.name, each.id))


def _is_there(session: Any, resource: Retained) -> bool:
    try:
        match resource.kind:
            case "AWS::S3::Bucket":
                session.client("s3", config=CLIENT_CONFIG).get_bucket_location(Bucket=resource.id)
            case "AWS::DynamoDB::Table":
                session.client("dynamodb", config=CLIENT_CONFIG).describe_table(TableName=resource.id)
            case "AWS::SecretsManager::Secret":
                secrets = session.client("secretsmanager", config=CLIENT_CONFIG)
                return "DeletedDate" not in secrets.describe_secret(SecretId=resource.id)
            case _:
                kms = session.client("kms", config=CLIENT_CONFIG)
                return bool(kms.describe_key(KeyId=resource.id)["KeyMetadata"]["KeyState"] != "PendingDeletion")
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False
        raise
    return True


def remove(session: Any, resource: Retained) -> str:
    """Remove a resource with all that it holds; return what was done."""
    match resource.kind:
        case "AWS::S3::Bucket":
            s3 = session.client("s3", config=CLIENT_CONFIG)
            versions = sum(_empty(s3, resource.id))
            s3.delete_bucket(Bucket=resource.id)
            return f"deleted with {versions:,} object versions"
        case "AWS::DynamoDB::Table":
            session.client("dynamodb", config=CLIENT_CONFIG).delete_table(TableName=resource.id)
            return "deleted"
        case "AWS::SecretsManager::Secret":
            secrets = session.client("secretsmanager", config=CLIENT_CONFIG)
            secrets.delete_secret(SecretId=resource.id, RecoveryWindowInDays=RECOVERY_DAYS)
        case _:
            kms = session.client("kms", config=CLIENT_CONFIG)
            kms.schedule_key_deletion(KeyId=resource.id, PendingWindowInDays=RECOVERY_DAYS)
    return f"to be deleted in {RECOVERY_DAYS} days"


def _empty(s3: Any, bucket: str) -> Iterator[int]:
    """Delete every version of every object; yield how many, a page each. Raises ClientError of the first refused."""
    while page := _some_versions(s3, bucket):
        errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": page, "Quiet": True}).get("Errors")
        if errors:
            raise ClientError({"Error": {"Code": errors[0]["Code"], "Message": errors[0]["Key"]}}, "DeleteObjects")
        yield len(page)


def _some_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
