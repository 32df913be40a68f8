"""The template as a team would audit it: closed, the same in every account, and its data encrypted and kept."""

import re
import tomllib
from typing import Any

import pytest
from cfnlint.api import lint_file

from tests.contract import declared
from tests.contract.encryption import KEY, KEY_OR_NONE

TEXT = (declared.ROOT / "template.yaml").read_text()
BUCKETS = declared.resources("AWS::S3::Bucket")


def test_the_linter_finds_nothing() -> None:
    assert [str(match) for match in lint_file(declared.ROOT / "template.yaml")] == []


def test_no_account_region_or_bucket_is_written_down() -> None:
    assert not re.findall(r"(?<!Default: )\b\d{12}\b", TEXT)
    assert not re.findall(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d\b", TEXT)
    assert all("BucketName" not in properties for properties in BUCKETS.values())


def test_every_parameter_has_a_default_and_is_used() -> None:
    for name, parameter in declared.template()["Parameters"].items():
        assert "Default" in parameter, name
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", TEXT), name


def test_every_parameter_that_a_deployment_sets_exists() -> None:
    environments = tomllib.loads((declared.ROOT / "samconfig.toml").read_text())
    del environments["version"]
    assert set(environments) == {"default", "prod"}
    for environment in environments.values():
        overrides = dict(entry.split("=", 1) for entry in environment["deploy"]["parameters"]["parameter_overrides"])
        assert set(overrides) <= set(declared.template()["Parameters"])
        assert "Database" in overrides  # two stacks of one account must not share a database


def test_the_outputs_name_what_users_need() -> None:
    outputs: dict[str, Any] = declared.template()["Outputs"]

    assert set(outputs) >= {
        "RawBucketName",
        "LakeBucketName",
        "WorkBucketName",
        "StateMachineArn",
        "LedgerTableName",
        "WorkGroupName",
        "DatabaseName",
        "AlertsTopicArn",
        "UploadQueueUrl",
        "DeadLetterQueueUrl",
    }
    assert all(output["Description"] for output in outputs.values())


# ------------------------------------------------------------------ buckets


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_encrypted_closed_and_owned(name: str) -> None:
    properties = BUCKETS[name]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    default = rule["ServerSideEncryptionByDefault"]

    if name == "AccessLogsBucket":
        assert default == {"SSEAlgorithm": "AES256"}
    else:
        assert default["SSEAlgorithm"] == {"Fn::If": ["Encrypted", "aws:kms", "AES256"]}
        assert default["KMSMasterKeyID"] == KEY_OR_NONE
        assert properties["LoggingConfiguration"]["DestinationBucketName"] == {"Ref": "AccessLogsBucket"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_is_reached_by_tls_only(name: str) -> None:
    policy = declared.resources("AWS::S3::BucketPolicy")[f"{name}Policy"]
    assert policy["Bucket"] == {"Ref": name}
    denied = policy["PolicyDocument"]["Statement"][0]

    assert denied["Effect"] == "Deny"
    assert denied["Principal"] == "*"
    assert denied["Action"] == "s3:*"
    assert denied["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_undo_restores_is_kept_in_versions() -> None:
    for name in ("RawBucket", "LakeBucket"):
        assert BUCKETS[name]["VersioningConfiguration"] == {"Status": "Enabled"}


def test_uploads_are_events_and_the_bucket_names_no_function() -> None:
    notifications = BUCKETS["RawBucket"]["NotificationConfiguration"]

    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_expires_what_is_no_longer_needed(name: str) -> None:
    rules = {rule["Id"]: rule for rule in BUCKETS[name]["LifecycleConfiguration"]["Rules"]}

    assert all(rule["Status"] == "Enabled" for name, rule in rules.items() if name != "Tiers")  # an option
    assert rules["UnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_only_versions_that_were_rejected_or_replaced_expire_from_the_raw_bucket() -> None:
    rules = BUCKETS["RawBucket"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "NoncurrentVersionExpiration" in rule]

    assert [rule["TagFilters"] for rule in expiring] == [
        [{"Key": "sluice:status", "Value": "REPLACED"}],
        [{"Key": "sluice:validation", "Value": "rejected"}],
    ]
    assert not any("ExpirationInDays" in rule for rule in rules)


def test_what_a_dead_letter_asks_for_is_kept_as_long_as_the_letter() -> None:
    template = declared.template()
    seconds = template["Resources"]["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"]

    assert template["Parameters"]["WorkDays"]["MinValue"] * 86_400 > seconds


def test_uploaded_files_grow_cheaper_with_age() -> None:
    (rule,) = [rule for rule in BUCKETS["RawBucket"]["LifecycleConfiguration"]["Rules"] if rule["Id"] == "Age"]
    parameters = declared.template()["Parameters"]

    assert rule["Transitions"] == [
        {"StorageClass": "STANDARD_IA", "TransitionInDays": {"Ref": "RawToInfrequentDays"}},
        {"StorageClass": "GLACIER", "TransitionInDays": {"Ref": "RawToGlacierDays"}},
    ]
    assert (parameters["RawToInfrequentDays"]["Default"], parameters["RawToGlacierDays"]["Default"]) == (30, 90)


def test_the_code_of_the_glue_job_never_expires() -> None:
    prefixes = [rule.get("Prefix") for rule in BUCKETS["WorkBucket"]["LifecycleConfiguration"]["Rules"]]

    assert prefixes == ["runs/", "athena/", "reports/", None]  # the last one ends unfinished uploads only


def test_data_outlives_the_stack_and_so_does_its_key() -> None:
    retained = {
        name
        for name, resource in declared.template()["Resources"].items()
        if resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain"
    }

    assert retained == {"RawBucket", "LakeBucket", "AccessLogsBucket", "LedgerTable", "DataKey", "HashKeySecret"}


def test_the_hash_key_is_encrypted_and_known_to_no_configuration() -> None:
    secret = declared.resources("AWS::SecretsManager::Secret")["HashKeySecret"]
    named = {"Fn::If": ["OwnHashKey", {"Fn::GetAtt": ["HashKeySecret", "Id"]}, {"Ref": "HashKey"}]}
    function = declared.functions()["CleanFunction"]["Environment"]["Variables"]
    job = declared.resources("AWS::Glue::Job")["CleanJob"]["DefaultArguments"]

    assert secret["KmsKeyId"] == KEY_OR_NONE
    assert secret["GenerateSecretString"]["PasswordLength"] >= 43  # 256 bits of letters and digits
    # The address of the secret, which only their roles can read; never its value.
    assert function["SLUICE_HASH_KEY_SECRET"] == job["--hash_key_secret"] == named
    assert "{{resolve:" not in (declared.ROOT / "template.yaml").read_text()


def test_the_lake_can_be_tiered() -> None:
    rules = declared.resources("AWS::S3::Bucket")["LakeBucket"]["LifecycleConfiguration"]["Rules"]
    tiers = {rule["Id"]: rule for rule in rules}["Tiers"]

    assert tiers["Status"] == {"Fn::If": ["LakeTiers", "Enabled", "Disabled"]}
    assert tiers["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]


# ------------------------------------------------------------------ the ledger


def test_the_ledger_can_be_restored() -> None:
    ledger = declared.resources("AWS::DynamoDB::Table")["LedgerTable"]

    assert ledger["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("name", declared.resources("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_and_bills_by_request(name: str) -> None:
    table = declared.resources("AWS::DynamoDB::Table")[name]

    assert table["SSESpecification"] == {
        "Fn::If": [
            "Encrypted",
            {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
            {"Ref": "AWS::NoValue"},
        ]
    }
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_a_lease_outlives_the_longest_run_and_its_last_function() -> None:
    leases = {
        int(properties["Environment"]["Variables"]["LEASE_SECONDS"])
        for properties in declared.functions().values()
        if "LEASE_SECONDS" in properties["Environment"]["Variables"]
    }

    assert len(leases) == 1
    assert leases.pop() >= declared.machine()["TimeoutSeconds"] + 900


# ------------------------------------------------------------------ the network


def test_functions_may_live_in_a_vpc_that_reaches_s3_and_dynamodb_by_gateways() -> None:
    shared = declared.template()["Globals"]["Function"]
    group = declared.resources("AWS::EC2::SecurityGroup")["FunctionsSecurityGroup"]
    endpoints = declared.resources("AWS::EC2::VPCEndpoint")

    assert shared["VpcConfig"]["Fn::If"][0] == "InVpc"
    assert "SecurityGroupIngress" not in group
    assert [rule["ToPort"] for rule in group["SecurityGroupEgress"]] == [443]
    assert {endpoint["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1] for endpoint in endpoints.values()} == {
        "s3",
        "dynamodb",
    }
    assert {endpoint["VpcEndpointType"] for endpoint in endpoints.values()} == {"Gateway"}


def test_the_environment_of_functions_is_encrypted() -> None:
    assert declared.template()["Globals"]["Function"]["KmsKeyArn"] == KEY_OR_NONE
