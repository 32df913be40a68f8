"""Who may use an object must also be allowed to use its key; prefixes in conditions count."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS
from tests.local.state_machines import allow, policy


def session(aws: LocalAWS, *statements: dict[str, Any]) -> Any:
    """An S3 client of a new role that may do what the statements say."""
    name = f"role-{uuid.uuid4().hex[:8]}"
    iam = aws.client("iam")
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([root]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy(list(statements)))
    return aws.session(role_arn=arn).client("s3")


def test_reading_and_writing_need_the_key(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    objects, key = f"arn:aws:s3:::{bucket}/*", stack.outputs["KeyArn"]
    without = session(aws, allow("s3:*", objects))
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        without.put_object(Bucket=bucket, Key="kms/a", Body=b"a")
    writer = session(aws, allow("s3:*", objects), allow("kms:GenerateDataKey", key))
    writer.put_object(Bucket=bucket, Key="kms/a", Body=b"a")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        writer.get_object(Bucket=bucket, Key="kms/a")
    reader = session(aws, allow("s3:GetObject", objects), allow("kms:Decrypt", key))
    assert reader.get_object(Bucket=bucket, Key="kms/a")["Body"].read() == b"a"


def test_a_condition_on_the_prefix_of_a_listing_counts(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    client, function = aws.client("lambda"), stack.resources["BehaveFunction"]

    def listed(prefix: str) -> Any:
        event = json.dumps({"do": "list", "bucket": bucket, "prefix": prefix})
        return json.loads(client.invoke(FunctionName=function, Payload=event)["Payload"].read())

    assert isinstance(listed("allowed/"), int)
    assert listed("other/")["errorType"] in ("ClientError", "AccessDenied")
