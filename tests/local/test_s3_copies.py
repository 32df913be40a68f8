"""A conditional copy writes a key once, as S3 does it."""

import pytest
from botocore.exceptions import ClientError

from local import LocalAWS


def test_a_copy_that_must_not_overwrite_is_refused_until_the_object_is_deleted(aws: LocalAWS, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="staged", Body=b"new")
    copy = {"Bucket": bucket, "Key": "copied", "CopySource": {"Bucket": bucket, "Key": "staged"}}
    first = s3.copy_object(**copy, IfNoneMatch="*")["VersionId"]
    with pytest.raises(ClientError) as refused:
        s3.copy_object(**copy, IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.head_object(Bucket=bucket, Key="copied")["VersionId"] == first
    s3.delete_object(Bucket=bucket, Key="copied")
    assert s3.copy_object(**copy, IfNoneMatch="*")["VersionId"] != first
