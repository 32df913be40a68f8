"""Least privilege, as far as the page shows it: the local AWS proves the rest by enforcing these policies."""

import json
import re

import pytest

from tests.contract import declared

TEXT = (declared.ROOT / "template.yaml").read_text()
ROLES = declared.resources("AWS::IAM::Role")

ANY_RESOURCE = {
    # Actions for which AWS knows no narrower resource.
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "cloudwatch:PutMetricData",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    # Lambda asks for these on every resource before it puts a function into a VPC.
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}

CALLS = {
    # The calls of boto3 and of pyiceberg that need an action. An action that no call of a handler needs must go.
    "athena:GetQueryResults": {"get_paginator"},
    "dynamodb:BatchGetItem": {"batch_get_item"},
    "dynamodb:GetItem": {"get_item", "transact_get_items"},
    "dynamodb:PutItem": {"put_item", "transact_write_items"},
    "dynamodb:UpdateItem": {"update_item", "transact_write_items"},
    "dynamodb:Query": {"query"},
    "dynamodb:Scan": {"get_paginator"},
    "events:PutEvents": {"put_events"},
    "glue:BatchCreatePartition": {"batch_create_partition"},
    "glue:BatchUpdatePartition": {"batch_update_partition"},
    "glue:CreateTable": {"create_table"},
    "glue:GetPartitions": {"get_paginator"},
    "glue:GetTable": {"get_table", "load_table"},
    "glue:GetTables": {"get_paginator"},
    "glue:UpdateTable": {"update_table", "commit_transaction"},
    "lambda:GetLayerVersion": {"get_layer_version_by_arn"},
    "s3:DeleteObject": {"delete_object", "delete_objects"},
    "s3:DeleteObjectVersion": {"delete_object", "delete_objects"},
    "s3:GetObject": {"get_object", "head_object", "copy_object", "copy", "upload_part_copy", "download_file"},
    "s3:GetObjectVersion": {"get_object", "head_object", "copy_object", "copy"},
    "s3:GetObjectVersionTagging": {"get_object_tagging"},
    # Without it S3 answers "forbidden" for an object that is not there, and no handler could distinguish it.
    "s3:ListBucket": {"get_paginator", "list_objects_v2", "get_object", "get_object_tagging"},
    "s3:ListBucketVersions": {"get_paginator", "list_object_versions", "get_object", "get_object_tagging"},
    "s3:PutObject": {"put_object", "upload_file", "upload_fileobj", "copy_object", "copy"},
    "s3:PutObjectVersionTagging": {"put_object_tagging"},
    "secretsmanager:GetSecretValue": {"get_secret_value"},
    "sns:Publish": {"publish"},
    "states:DescribeExecution": {"describe_execution"},
    "states:StartExecution": {"start_execution"},
}

BY_LAMBDA = {
    # What the Lambda service does in the name of a function.
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    *(action for action in ANY_RESOURCE if action.startswith(("xray:", "ec2:"))),
}


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard(role: str) -> None:
    for statement in declared.statements(role):
        for action in declared.actions(statement):
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), action


@pytest.mark.parametrize("role", ROLES)
def test_a_resource_is_a_wildcard_only_where_aws_knows_no_narrower_one(role: str) -> None:
    for statement in declared.statements(role):
        if statement["Resource"] == "*":
            assert set(declared.actions(statement)) <= ANY_RESOURCE


@pytest.mark.parametrize("function", declared.functions())
def test_the_code_of_a_function_makes_no_network_interfaces(function: str) -> None:
    """AWS advises to deny it: the role needs it for Lambda only (Lambda guide, "Required IAM permissions")."""
    statements = declared.statements(function.replace("Function", "Role"))
    (allowed,) = [each for each in statements if each["Effect"] == "Allow" and "ec2:" in str(each["Action"])]
    (denied,) = [each for each in statements if each["Effect"] == "Deny"]

    assert denied["Action"] == allowed["Action"]
    assert list(denied["Condition"]["ArnLike"]) == ["lambda:SourceFunctionArn"]


@pytest.mark.parametrize("function", declared.functions())
def test_a_function_can_decrypt_its_own_environment(function: str) -> None:
    granted = {
        action
        for each in declared.statements(function.replace("Function", "Role"))
        for action in declared.actions(each)
    }

    assert "kms:Decrypt" in granted


def test_every_wildcard_resource_says_why() -> None:
    wild = [line.strip() for line in TEXT.splitlines() if re.match(r"\s*Resource: \"\*\"", line)]

    assert len(wild) == 9
    assert all(re.search(r'"\*" # .{10,}', line) for line in wild)


def test_every_role_is_used_by_one_resource() -> None:
    for role in ROLES:
        named = json.dumps({"Fn::GetAtt": [role, "Arn"]})
        users = [name for name, entry in declared.template()["Resources"].items() if named in json.dumps(entry)]
        assert len(users) == 1, role


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_taken_by_one_service_only(role: str) -> None:
    (statement,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    services = {"CleanJobRole": "glue", "CrawlerRole": "glue", "EtlStateMachineRole": "states"}
    services |= {"DeliveryRole": "firehose", "DeviceRole": "iot"}

    assert statement["Principal"] == {"Service": f"{services.get(role, 'lambda')}.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("function", declared.functions())
def test_a_function_may_do_only_what_its_handler_calls(function: str) -> None:
    called = declared.calls(str(declared.functions()[function]["Handler"].removesuffix(".handler")))
    granted = {
        action
        for statement in declared.statements(function.replace("Function", "Role"))
        for action in declared.actions(statement)
    }

    unneeded = {action for action in granted - BY_LAMBDA if not CALLS[action] & called}

    assert unneeded == set()


def test_only_validation_reads_the_queue_and_few_write_to_the_dead_letters() -> None:
    holders = {
        action: {
            role
            for role in ROLES
            if any(action in declared.actions(statement) for statement in declared.statements(role))
        }
        for action in ("sqs:ReceiveMessage", "sqs:SendMessage", "states:StartExecution", "dynamodb:PutItem")
    }

    assert holders == {
        "sqs:ReceiveMessage": {"ValidateRole"},
        "sqs:SendMessage": {
            "ValidateRole",
            "RecoverRole",
            "DescribeRole",
            "WatchRole",
            "VerifyRole",
            "MaintainRole",
            "DeviceRole",
        },
        "states:StartExecution": {"ValidateRole"},
        "dynamodb:PutItem": {"ValidateRole", "WindowRole"},
    }


def test_the_state_machine_may_call_the_functions_that_it_calls_and_no_other() -> None:
    substitutions = declared.template()["Resources"]["EtlStateMachine"]["Properties"]["DefinitionSubstitutions"]
    called = [value for name, value in substitutions.items() if name.endswith("FunctionArn")]
    (allowed,) = [
        statement["Resource"]
        for statement in declared.statements("EtlStateMachineRole")
        if declared.actions(statement) == ["lambda:InvokeFunction"]
    ]

    assert allowed == called


def test_only_the_cleaning_reads_the_key_of_the_hashes() -> None:
    holders = {
        role
        for role in ROLES
        if any("secretsmanager:GetSecretValue" in declared.actions(each) for each in declared.statements(role))
    }

    assert holders == {"CleanRole", "CleanJobRole"}


def test_the_crawler_cannot_make_tables() -> None:
    allowed = {action for statement in declared.statements("CrawlerRole") for action in declared.actions(statement)}

    assert not allowed & {"glue:CreateTable", "glue:DeleteTable", "s3:PutObject", "s3:DeleteObject"}


def test_nobody_writes_to_the_raw_bucket_but_tags_and_what_comes_from_the_stream() -> None:
    (windows,) = [each for each in declared.statements("WindowRole") if "s3:PutObject" in declared.actions(each)]
    assert windows["Resource"] == {"Fn::Sub": "${RawBucket.Arn}/sentiment_minutes/*"}
    for role in ROLES.keys() - {"DeliveryRole", "WindowRole"}:
        for statement in declared.statements(role):
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if any("RawBucket" in str(resource) for resource in resources):
                writing = {a for a in declared.actions(statement) if not a.startswith(("s3:Get", "s3:List"))}
                assert writing <= {"s3:PutObjectVersionTagging"}, role
