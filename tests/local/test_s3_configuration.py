"""A bucket is configured as its template says."""

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS


def test_the_encryption_of_the_template_is_the_buckets(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    found = aws.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": stack.outputs["KeyArn"]}
    assert found["Rules"] == [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    put = aws.client("s3").put_object(Bucket=bucket, Key="encrypted", Body=b"")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", stack.outputs["KeyArn"])


def test_lifecycle_ownership_logging_and_public_access_can_be_read_back(
    aws: LocalAWS, stack: Deployment, bucket: str
) -> None:
    s3 = aws.client("s3")
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [
        {
            "ID": "cold",
            "Filter": {"Prefix": "raw/"},
            "Status": "Enabled",
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        }
    ]
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    logging = s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    assert logging == {"TargetBucket": stack.resources["LogBucket"], "TargetPrefix": "access/"}
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


def test_a_bucket_policy_denies_even_what_a_role_allows(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    role = aws.client("iam").get_role(RoleName=stack.resources["SeedFunctionRole"])["Role"]
    assert "lambda.amazonaws.com" in str(role["AssumeRolePolicyDocument"])
    policy = aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    assert "RefuseUnsafeDelete" in policy
    with pytest.raises(ClientError):
        aws.client("s3").delete_bucket(Bucket=bucket)
