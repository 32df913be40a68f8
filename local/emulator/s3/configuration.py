"""A template sets a bucket's encryption, lifecycle, ownership and logging; MiniStack's CloudFormation drops them.

Each is translated into the API's form and stored through the S3 API, so that it can be read back.
"""

from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import serialize
from ministack.services import s3
from ministack.services.cloudformation import provisioners

Document = dict[str, Any]
MODEL = botocore.session.get_session().get_service_model("s3")


def body_of(operation: str, member: str, document: Document) -> bytes:
    """The XML body of an S3 API call whose `member` is `document`."""
    serializer = serialize.create_serializer("rest-xml", include_validation=False)
    request = serializer.serialize_to_request({"Bucket": "b", member: document}, MODEL.operation_model(operation))
    return bytes(request["body"])


def encryption(given: Document) -> bytes:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault", {}),
            "BucketKeyEnabled": str(rule.get("BucketKeyEnabled", False)).lower() == "true",
        }
        for rule in given["ServerSideEncryptionConfiguration"]
    ]
    return body_of("PutBucketEncryption", "ServerSideEncryptionConfiguration", {"Rules": rules})


def ownership(given: Document) -> bytes:
    return body_of("PutBucketOwnershipControls", "OwnershipControls", {"Rules": given["Rules"]})


def logging(given: Document) -> bytes:
    target = {
        "TargetBucket": given["DestinationBucketName"],
        "TargetPrefix": given.get("LogFilePrefix", ""),
    }
    return body_of("PutBucketLogging", "BucketLoggingStatus", {"LoggingEnabled": target})


def lifecycle(given: Document) -> bytes:
    rules = [lifecycle_rule(rule) for rule in given["Rules"]]
    return body_of("PutBucketLifecycleConfiguration", "LifecycleConfiguration", {"Rules": rules})


def lifecycle_rule(rule: Document) -> Document:
    """A rule in the API's names."""
    made: Document = {"Status": rule["Status"], "Filter": lifecycle_filter(rule)}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    if days := rule.get("ExpirationInDays"):
        made["Expiration"] = {"Days": int(days)}
    elif str(rule.get("ExpiredObjectDeleteMarker", "")).lower() == "true":
        made["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if transitions := rule.get("Transitions"):
        made["Transitions"] = [
            {"Days": int(entry["TransitionInDays"]), "StorageClass": entry["StorageClass"]} for entry in transitions
        ]
    if later := rule.get("NoncurrentVersionTransitions"):
        made["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": int(entry["TransitionInDays"]), "StorageClass": entry["StorageClass"]} for entry in later
        ]
    if expiration := rule.get("NoncurrentVersionExpiration"):
        made["NoncurrentVersionExpiration"] = {name: int(value) for name, value in expiration.items()}
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(abort["DaysAfterInitiation"])}
    return made


def lifecycle_filter(rule: Document) -> Document:
    """The API's Filter of a rule that has a Prefix, tags, both, or neither."""
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters", [])]
    prefix = rule.get("Prefix", "")
    if not tags:
        return {"Prefix": prefix}
    return {"And": {"Prefix": prefix, "Tags": tags}} if prefix or len(tags) > 1 else {"Tag": tags[0]}


def checked(put: Callable[[str, bytes], Any]) -> Callable[[str, bytes], None]:
    """`put`, raising the refusal that CloudFormation would report."""

    def store(name: str, body: bytes) -> None:
        status, _, answer = put(name, body)
        if status >= 300:
            raise ValueError(f"bucket {name}: {answer!r}")

    return store


def patch() -> None:
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("BucketEncryption", encryption, checked(s3._put_bucket_encryption), s3._delete_bucket_encryption),
        (
            "OwnershipControls",
            ownership,
            checked(s3._put_bucket_ownership_controls),
            s3._delete_bucket_ownership_controls,
        ),
        (
            "LoggingConfiguration",
            logging,
            checked(s3._put_bucket_logging),
            lambda name: s3._bucket_logging_config.pop(name, None),
        ),
        ("LifecycleConfiguration", lifecycle, checked(s3._put_bucket_lifecycle), s3._delete_bucket_lifecycle),
    )
