"""A stack's bucket is deleted only when nothing is left in it."""

import json

import pytest
from botocore.exceptions import WaiterError

from local import LocalAWS

BUCKET = "left-in-a-stack"
TEMPLATE = json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}}}})


def test_a_stack_keeps_a_bucket_that_holds_an_object_until_it_is_gone(aws: LocalAWS) -> None:
    stacks, s3 = aws.client("cloudformation"), aws.client("s3")
    stacks.create_stack(StackName="bucket-deletion", TemplateBody=TEMPLATE)
    stacks.get_waiter("stack_create_complete").wait(StackName="bucket-deletion", WaiterConfig={"Delay": 1})
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"kept")

    stacks.delete_stack(StackName="bucket-deletion")
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_delete_complete").wait(StackName="bucket-deletion", WaiterConfig={"Delay": 1})
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"kept"

    s3.delete_object(Bucket=BUCKET, Key="k")
    stacks.delete_stack(StackName="bucket-deletion")
    stacks.get_waiter("stack_delete_complete").wait(StackName="bucket-deletion", WaiterConfig={"Delay": 1})
    assert BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
