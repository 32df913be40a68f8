"""Firehose gathers the records of a stream into files, under its role."""

import gzip
import json
import time
from typing import Any

from local import LocalAWS
from local.deploy import ensure_bucket

TRUST = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}


def objects(s3: Any, bucket: str, count: int, seconds: float = 20) -> dict[str, bytes]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        if len(keys) >= count:
            return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
        time.sleep(0.2)
    raise AssertionError(f"{len(keys)} of {count} files")


def role(aws: LocalAWS, name: str, *statements: dict[str, Any]) -> str:
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    if statements:
        allow(aws, name, *statements)
    return arn


def allow(aws: LocalAWS, name: str, *statements: dict[str, Any]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="Deliver", PolicyDocument=policy)


def test_records_become_one_compressed_file_once_the_role_may_write(aws: LocalAWS) -> None:
    s3, kinesis = aws.client("s3"), aws.client("kinesis")
    ensure_bucket(aws, "delivered")
    kinesis.create_stream(StreamName="deliver", ShardCount=1)
    source = kinesis.describe_stream(StreamName="deliver")["StreamDescription"]["StreamARN"]
    arn = role(aws, "deliver")
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="deliver",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": source, "RoleARN": arn},
        ExtendedS3DestinationConfiguration={
            "BucketARN": "arn:aws:s3:::delivered",
            "RoleARN": arn,
            "BufferingHints": {"IntervalInSeconds": 20, "SizeInMBs": 1},
            "CompressionFormat": "GZIP",
            "FileExtension": ".jsonl.gz",
            "Prefix": "posts/!{timestamp:yyyy-MM-dd}/",
        },
    )
    for part in range(3):
        entries = [{"Data": f'{{"n": {part * 10 + number}}}\n'.encode(), "PartitionKey": "a"} for number in range(10)]
        kinesis.put_records(StreamName="deliver", Records=entries)
    time.sleep(2)
    assert "Contents" not in s3.list_objects_v2(Bucket="delivered")
    allow(aws, "deliver", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::delivered/*"})
    ((key, body),) = objects(s3, "delivered", 1).items()
    assert key.startswith("posts/")
    assert key.endswith(".jsonl.gz")
    assert [json.loads(line)["n"] for line in gzip.decompress(body).splitlines()] == list(range(30))
