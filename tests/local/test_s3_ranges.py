"""A range of one version of an object is that range, as Spark's tasks and resumed downloads need it."""

import pytest
from botocore.exceptions import ClientError

from local import LocalAWS

BODY = bytes(range(256))


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes=10-19", 10, 19), ("bytes=250-", 250, 255), ("bytes=-6", 250, 255)]
)
def test_a_range_of_an_older_version_is_answered_as_s3_does(
    aws: LocalAWS, bucket: str, asked: str, start: int, end: int
) -> None:
    s3 = aws.client("s3")
    first = s3.put_object(Bucket=bucket, Key="ranges", Body=BODY, ChecksumAlgorithm="SHA256")["VersionId"]
    s3.put_object(Bucket=bucket, Key="ranges", Body=b"newer")
    answer = s3.get_object(Bucket=bucket, Key="ranges", VersionId=first, Range=asked, ChecksumMode="ENABLED")
    assert answer["Body"].read() == BODY[start : end + 1]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (answer["ContentRange"], answer["ContentLength"]) == (f"bytes {start}-{end}/256", end - start + 1)


def test_a_range_beyond_the_version_is_refused(aws: LocalAWS, bucket: str) -> None:
    s3 = aws.client("s3")
    version = s3.put_object(Bucket=bucket, Key="ranges", Body=BODY)["VersionId"]
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=bucket, Key="ranges", VersionId=version, Range="bytes=256-")
    assert refused.value.response["Error"]["Code"] == "InvalidRange"
