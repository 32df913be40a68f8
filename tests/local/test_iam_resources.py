"""A Glue or Athena call is checked on the resources that AWS checks it on."""

import io
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS
from local.connection import LocalSession
from tests.local.state_machines import allow, policy

ROOT = "arn:aws:glue:us-east-1:000000000000"


def session(aws: LocalAWS, *statements: dict[str, Any]) -> LocalSession:
    name = f"role-{uuid.uuid4().hex[:8]}"
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([trust]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy(list(statements)))
    return aws.session(role_arn=arn)


def test_a_crawler_is_a_crawler(aws: LocalAWS, stack: Deployment) -> None:
    crawler = stack.resources["Crawler"]
    glue = session(aws, allow("glue:GetCrawler", f"{ROOT}:crawler/{crawler}")).client("glue")
    assert glue.get_crawler(Name=crawler)["Crawler"]["Name"] == crawler


def test_a_policy_on_a_log_group_covers_its_streams(aws: LocalAWS) -> None:
    group = f"/tests/{uuid.uuid4().hex[:8]}"
    aws.client("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    session(aws, allow("logs:CreateLogStream", f"{arn}:*")).client("logs").create_log_stream(
        logGroupName=group, logStreamName="mine"
    )
    with pytest.raises(ClientError, match="logs:CreateLogStream"):
        session(aws, allow("logs:CreateLogStream", arn)).client("logs").create_log_stream(
            logGroupName=group, logStreamName="other"
        )


def test_a_table_needs_its_database_and_the_catalog_as_well(aws: LocalAWS, stack: Deployment) -> None:
    database = stack.resources["Database"]
    storage = {"Columns": [], "Location": "s3://nowhere/"}
    aws.client("glue").create_table(DatabaseName=database, TableInput={"Name": "guarded", "StorageDescriptor": storage})
    table = allow("glue:GetTable", f"{ROOT}:table/{database}/guarded")
    with pytest.raises(ClientError, match="glue:GetTable"):
        session(aws, table).client("glue").get_table(DatabaseName=database, Name="guarded")
    rest = [allow("glue:GetTable", f"{ROOT}:database/{database}"), allow("glue:GetTable", f"{ROOT}:catalog")]
    found = session(aws, table, *rest).client("glue").get_table(DatabaseName=database, Name="guarded")
    assert found["Table"]["Name"] == "guarded"


def test_a_layer_version_is_read_by_its_own_action_on_its_own_arn(aws: LocalAWS) -> None:
    content = {"ZipFile": zip_of("wheels/a.whl")}
    made = [aws.client("lambda").publish_layer_version(LayerName="wheels", Content=content) for _ in range(2)]
    first, second = (each["LayerVersionArn"] for each in made)
    reader = session(aws, allow("lambda:GetLayerVersion", first)).client("lambda")
    assert reader.get_layer_version_by_arn(Arn=first)["Content"]["Location"].startswith("http")
    with pytest.raises(ClientError, match="lambda:GetLayerVersion"):
        reader.get_layer_version_by_arn(Arn=second)


def zip_of(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "")
    return content.getvalue()
