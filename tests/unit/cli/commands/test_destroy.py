"""destroy looks for the deleted stack where every other command looks for a stack."""

import boto3
import pytest
from moto import mock_aws

from cli.commands.destroy import destroy
from cli.stack.connection import NoStack

TEMPLATE = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'


@mock_aws
def test_the_region_of_the_environment_is_searched(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    boto3.client("cloudformation", "eu-central-1").create_stack(StackName="acme", TemplateBody=TEMPLATE)
    with pytest.raises(NoStack, match="acme is CREATE_COMPLETE"):
        destroy("acme")
