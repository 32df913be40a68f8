"""The buckets take objects under the stack's key only."""

import pytest
from botocore.exceptions import ClientError

from local import LocalAWS
from tests.chaos.world import World
from tests.local.state_machines import allow, policy

TRUST = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize("bucket", ["RawBucketName", "LakeBucketName", "WorkBucketName"])
def test_an_upload_that_asks_for_another_encryption_is_refused(aws: LocalAWS, bucket: str) -> None:
    world = World.create(aws, stack="keys", Database="keys")
    name, key = world.stack.outputs[bucket], world.stack.outputs["KmsKeyArn"]
    iam, role = aws.client("iam"), f"producer-{bucket.lower()}"
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy([TRUST]))["Role"]["Arn"]
    rights = [allow("s3:PutObject", f"arn:aws:s3:::{name}/*"), allow("kms:*", "*")]
    iam.put_role_policy(RoleName=role, PolicyName="upload", PolicyDocument=policy(rights))
    s3 = aws.session(role_arn=arn).client("s3")

    def upload(**encryption: str) -> None:
        s3.put_object(Bucket=name, Key="elsewhere/file", Body=b"", **encryption)

    upload()
    upload(ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        upload(ServerSideEncryption="AES256")
    with pytest.raises(ClientError, match="AccessDenied"):
        upload(ServerSideEncryption="aws:kms", SSEKMSKeyId=key.replace(key[-4:], "0000"))
