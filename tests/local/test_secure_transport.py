"""A bucket that demands TLS can be used on the loopback interface."""

import json

import pytest
from botocore.exceptions import ClientError

from local import LocalAWS


def deny_when(secure: str, bucket: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": secure}},
                }
            ],
        }
    )


def test_a_request_counts_as_encrypted(aws: LocalAWS) -> None:
    iam, root = aws.client("iam"), aws.client("s3")
    root.create_bucket(Bucket="demands-tls")
    user = iam.create_user(UserName="producer")["User"]["UserName"]
    iam.put_user_policy(
        UserName=user,
        PolicyName="s3",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        ),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    s3 = aws.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    root.put_bucket_policy(Bucket="demands-tls", Policy=deny_when("false", "demands-tls"))
    s3.put_object(Bucket="demands-tls", Key="encrypted", Body=b"1")
    root.put_bucket_policy(Bucket="demands-tls", Policy=deny_when("true", "demands-tls"))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="demands-tls", Key="refused", Body=b"1")
    assert root.get_object(Bucket="demands-tls", Key="encrypted")["Body"].read() == b"1"
