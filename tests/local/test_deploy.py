"""Deploying a template: what goes in is what stands there afterwards."""

from pathlib import Path

import pytest

from local import DeployFailed, Deployment, LocalAWS, deploy
from local.deploy import delete
from local.packaging import MissingPath, zip_folder

FAILING = """
Resources:
  Good:
    Type: AWS::SQS::Queue
  Bad:
    Type: Custom::Thing
    Properties:
      ServiceToken: !Sub arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:nobody
"""


def test_a_deployed_stack_answers_its_outputs(stack: Deployment) -> None:
    assert stack.outputs["StageName"] == "stage-dev"
    assert stack.outputs["KeyArn"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert "ProdOnlyQueue" not in stack.resources


def test_deploying_the_same_template_again_changes_nothing(aws: LocalAWS, stack: Deployment) -> None:
    again = deploy(aws, Path(__file__).parent / "data" / "template.yaml", stack="contract")
    assert again == stack


def test_a_failed_deploy_names_the_resource_and_the_reason(aws: LocalAWS, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(FAILING)
    with pytest.raises(DeployFailed) as failure:
        deploy(aws, tmp_path / "template.yaml", stack="failing")
    assert failure.value.resource == "Bad"
    assert "function:nobody' not found" in failure.value.reason
    (tmp_path / "template.yaml").write_text("Resources: {Good: {Type: AWS::SQS::Queue}}")
    assert set(deploy(aws, tmp_path / "template.yaml", stack="failing").resources) == {"Good"}


def test_a_path_that_is_not_there_is_named(aws: LocalAWS, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Resources: {Layer: {Type: 'AWS::Serverless::LayerVersion', Properties: {ContentUri: nowhere}}}"
    )
    with pytest.raises(MissingPath, match="Layer: ContentUri names nowhere"):
        deploy(aws, tmp_path / "template.yaml", stack="missing")


def test_a_custom_resource_is_created_updated_and_deleted(aws: LocalAWS, tmp_path: Path) -> None:
    template = (Path(__file__).parent / "data" / "seed.yaml").read_text()
    path = Path(__file__).parent / "data" / "seed.yaml"
    s3 = aws.client("s3")
    first = deploy(aws, path, stack="seeded", parameters={"Stage": "one"})
    bucket = first.outputs["BucketName"]
    assert s3.get_object(Bucket=bucket, Key="seed/one")["Body"].read() == b"Create"
    deploy(aws, path, stack="seeded", parameters={"Stage": "two"})
    assert s3.get_object(Bucket=bucket, Key="seed/two")["Body"].read() == b"Update"
    delete(aws, "seeded")
    assert bucket not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert template == path.read_text()


BUCKETS = """
Resources:
  Data: {Type: "AWS::S3::Bucket", DeletionPolicy: RetainExceptOnCreate, UpdateReplacePolicy: Retain}
  Scratch: {Type: "AWS::S3::Bucket"}
"""


def test_a_bucket_with_objects_keeps_its_stack_from_being_deleted(aws: LocalAWS, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUCKETS)
    buckets, s3 = deploy(aws, tmp_path / "template.yaml", stack="full").resources, aws.client("s3")
    for name in buckets.values():
        s3.put_object(Bucket=name, Key="data", Body=b"rows")
    with pytest.raises(DeployFailed, match="not empty") as failure:
        delete(aws, "full")
    assert failure.value.resource == "Scratch"
    assert s3.get_object(Bucket=buckets["Scratch"], Key="data")["Body"].read() == b"rows"
    s3.delete_object(Bucket=buckets["Scratch"], Key="data")
    delete(aws, "full")
    names = [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert (buckets["Data"] in names, buckets["Scratch"] in names) == (True, False)


def test_a_failed_creation_keeps_nothing_that_only_a_deletion_retains(aws: LocalAWS, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(BUCKETS + FAILING.partition("Resources:")[2])
    with pytest.raises(DeployFailed):
        deploy(aws, tmp_path / "template.yaml", stack="undone")
    assert not [entry["Name"] for entry in aws.client("s3").list_buckets()["Buckets"] if "undone" in entry["Name"]]


def test_the_glue_security_configuration_of_a_template_is_made(aws: LocalAWS, stack: Deployment) -> None:
    name = stack.resources["SecurityConfiguration"]
    found = aws.client("glue").get_security_configuration(Name=name)["SecurityConfiguration"]
    assert found["EncryptionConfiguration"]["S3Encryption"] == [{"S3EncryptionMode": "SSE-S3"}]


def test_a_zip_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "code.py").write_text("x = 1\n")
        (tmp_path / name / "__pycache__" / "code.pyc").write_bytes(name.encode())
    assert zip_folder(tmp_path / "one") == zip_folder(tmp_path / "two")
