"""The template as a team would audit it: encrypted, closed, bounded, watched, and the same in every account."""

import json
import re
import tomllib
from typing import Any

import pytest
from cfnlint.api import lint_file

from tests.contract import declared

TEXT = (declared.ROOT / "template.yaml").read_text()
BUCKETS = declared.resources("AWS::S3::Bucket")
KEY = {"Fn::If": ["OwnKey", {"Fn::GetAtt": ["DataKey", "Arn"]}, {"Ref": "KmsKey"}]}
KEY_OR_NONE = {
    "Fn::If": [
        "OwnKey",
        {"Fn::GetAtt": ["DataKey", "Arn"]},
        {"Fn::If": ["Encrypted", {"Ref": "KmsKey"}, {"Ref": "AWS::NoValue"}]},
    ]
}


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
def test_nothing_piles_up_in_a_bucket(name: str) -> None:
    rules = {rule["Id"]: rule for rule in BUCKETS[name]["LifecycleConfiguration"]["Rules"]}

    assert all(rule["Status"] == "Enabled" for name, rule in rules.items() if name != "Tiers")  # an option
    assert rules["UnfinishedUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    if "VersioningConfiguration" in BUCKETS[name]:
        assert rules["ReplacedVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "NoncurrentDays"}}


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


# ------------------------------------------------------------------ queues, topic, ledger, logs


def test_queues_and_the_topic_are_encrypted() -> None:
    for queue in declared.resources("AWS::SQS::Queue").values():
        assert queue["KmsMasterKeyId"] == KEY_OR_NONE
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["Encrypted", {"Ref": "AWS::NoValue"}, True]}
    assert declared.resources("AWS::SNS::Topic")["AlertsTopic"]["KmsMasterKeyId"] == KEY_OR_NONE


def test_queues_and_the_topic_are_reached_by_tls_only() -> None:
    policies = [
        *declared.resources("AWS::SQS::QueuePolicy").values(),
        *declared.resources("AWS::SNS::TopicPolicy").values(),
    ]
    covered = [policy.get("Queues") or policy["Topics"] for policy in policies]
    assert covered == [[{"Ref": "UploadQueue"}], [{"Ref": "DeadLetterQueue"}], [{"Ref": "AlertsTopic"}]]
    for policy in policies:
        denied = policy["PolicyDocument"]["Statement"][-1]
        assert (denied["Sid"], denied["Effect"]) == ("TlsOnly", "Deny")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_rules_of_this_stack_put_events_into_the_queues() -> None:
    allowed = {
        json.dumps(policy["Queues"]): policy["PolicyDocument"]["Statement"][0]
        for policy in declared.resources("AWS::SQS::QueuePolicy").values()
    }
    upload, dead = (statement["Condition"]["ArnEquals"]["aws:SourceArn"] for statement in allowed.values())

    assert upload == {"Fn::GetAtt": ["UploadRule", "Arn"]}
    assert dead == [{"Fn::GetAtt": [rule, "Arn"]} for rule in declared.resources("AWS::Events::Rule")]


def test_an_event_is_invisible_for_as_long_as_it_is_validated_and_then_goes_to_the_dead_letters() -> None:
    queue = declared.resources("AWS::SQS::Queue")["UploadQueue"]

    assert queue["VisibilityTimeout"] > declared.functions()["ValidateFunction"]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert declared.resources("AWS::SQS::Queue")["DeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_only_events_of_the_raw_bucket_are_taken() -> None:
    pattern = declared.resources("AWS::Events::Rule")["UploadRule"]["EventPattern"]

    assert pattern == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [{"Ref": "RawBucket"}]}},
    }


def test_every_run_that_did_not_end_well_is_recovered() -> None:
    pattern = declared.resources("AWS::Events::Rule")["FailedRunRule"]["EventPattern"]

    assert pattern["detail"] == {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [{"Ref": "EtlStateMachine"}],
    }


def test_the_ledger_can_be_restored_and_is_encrypted_and_bills_by_request() -> None:
    ledger = declared.resources("AWS::DynamoDB::Table")["LedgerTable"]

    assert ledger["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert ledger["SSESpecification"] == {
        "Fn::If": [
            "Encrypted",
            {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY},
            {"Ref": "AWS::NoValue"},
        ]
    }
    assert ledger["BillingMode"] == "PAY_PER_REQUEST"


def test_every_log_group_is_encrypted_and_forgets() -> None:
    groups = declared.resources("AWS::Logs::LogGroup")
    assert len(groups) == len(declared.functions()) + 3  # the machine's and the Glue job's two

    for name, group in groups.items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
        assert group["KmsKeyId"] == KEY_OR_NONE, name


def test_logs_of_runs_hold_no_data_and_runs_are_traced() -> None:
    machine = declared.resources("AWS::Serverless::StateMachine")["EtlStateMachine"]

    assert machine["Logging"]["IncludeExecutionData"] is False
    assert machine["Tracing"] == {"Enabled": True}


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


# ------------------------------------------------------------------ Glue and Athena


def test_the_workgroup_decides_where_results_go_and_how_much_is_scanned() -> None:
    configuration = declared.resources("AWS::Athena::WorkGroup")["WorkGroup"]["WorkGroupConfiguration"]

    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "ScanLimitBytes"}
    assert configuration["ResultConfiguration"]["OutputLocation"] == {"Fn::Sub": "s3://${WorkBucket}/athena/"}
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": {"Fn::If": ["Encrypted", "SSE_KMS", "SSE_S3"]},
        "KmsKey": KEY_OR_NONE,
    }


def test_the_glue_job_installs_what_the_lock_file_says() -> None:
    packages = tomllib.loads((declared.ROOT / "uv.lock").read_text())["package"]
    locked = {package["name"]: package["version"] for package in packages}
    arguments = declared.resources("AWS::Glue::Job")["CleanJob"]["DefaultArguments"]

    installed = dict(module.split("==") for module in arguments["--additional-python-modules"].split(","))

    assert set(installed) == {"polars", "pandera[polars]", "backports.zstd"}
    assert {name: locked[name.partition("[")[0].replace(".", "-")] for name in installed} == installed


def test_the_glue_job_is_bounded_and_never_repeats_itself() -> None:
    job = declared.resources("AWS::Glue::Job")["CleanJob"]

    assert job["MaxRetries"] == 0
    assert job["Timeout"] == {"Ref": "GlueTimeoutMinutes"}
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": {"Ref": "GlueMaxConcurrentRuns"}}
    assert job["DefaultArguments"]["--enable-auto-scaling"] == "true"
    assert job["DefaultArguments"]["--extra-py-files"] == {"Fn::GetAtt": ["SharedCode", "Uri"]}


def test_the_shared_code_is_renewed_with_every_change_of_the_code() -> None:
    custom = declared.resources("Custom::SharedCode")["SharedCode"]

    # SAM publishes a version with a name of its own for each new content of CodeUri, but only with an alias.
    assert custom["CodeVersion"] == {"Ref": "ShareFunction.Version"}
    assert declared.functions()["ShareFunction"]["AutoPublishAlias"]


def test_the_crawler_adds_partitions_and_changes_no_table() -> None:
    crawler = declared.resources("AWS::Glue::Crawler")["Crawler"]
    configuration = json.loads(crawler["Configuration"])

    assert configuration["CrawlerOutput"] == {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}
    assert configuration["Grouping"]["TableLevelConfiguration"] == depth(crawler["Targets"]["S3Targets"][0]["Path"])
    assert crawler["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    assert "Schedule" not in crawler  # a crawl bills ten minutes


def depth(path: dict[str, str]) -> int:
    """The level of the folders right under a path; the bucket is level 1."""
    return len([part for part in path["Fn::Sub"].removeprefix("s3://").split("/") if part]) + 1


# ------------------------------------------------------------------ watched


@pytest.mark.parametrize("name", declared.resources("AWS::CloudWatch::Alarm"))
def test_an_alarm_reaches_people(name: str) -> None:
    alarm = declared.resources("AWS::CloudWatch::Alarm")[name]

    assert {"Ref": "AlertsTopic"} in alarm["AlarmActions"]
    assert alarm["AlarmDescription"]
    assert alarm["TreatMissingData"]


def test_dead_letters_and_runs_that_did_not_succeed_raise_an_alarm() -> None:
    watched = {
        (alarm["Namespace"], alarm["MetricName"]) for alarm in declared.resources("AWS::CloudWatch::Alarm").values()
    }

    assert watched >= {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
        ("AWS/States", "ExecutionsAborted"),
    }


def test_what_the_alarms_watch_is_what_the_functions_count() -> None:
    counted = declared.counted()
    watched = {
        (alarm["MetricName"], json.dumps(alarm["Dimensions"]))
        for alarm in declared.resources("AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "Sluice"
    }
    service = declared.template()["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]

    assert {name for name, _ in watched} == {"FilesAboveQuarantineLimit", "SilentDatasets"} <= counted
    assert {dimensions for _, dimensions in watched} == {json.dumps([{"Name": "service", "Value": service}])}


def test_the_dashboard_shows_what_the_functions_count_and_every_alarm() -> None:
    (board,) = declared.resources("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(re.sub(r"\$\{(?!!)([^}]*)\}", r"\1", board["DashboardBody"]["Fn::Sub"]))["widgets"]
    shown = set(re.findall(r'MetricName="(\w+)"', str(widgets))) | {
        metric[1] for widget in widgets for metric in widget["properties"].get("metrics", []) if metric[0] == "Sluice"
    }
    alarms = next(widget["properties"]["alarms"] for widget in widgets if widget["type"] == "alarm")

    assert shown <= declared.counted()
    assert shown >= {"FilesPublished", "FilesRejected", "FilesFailed", "RowsPublished", "RowsQuarantined"}
    assert shown >= {"RowsDiscarded", "QuarantinedPercent", "UploadToTableSeconds", "EstimatedUsd"}
    # One text cannot name what a parameter leaves out.
    always = {name for name, entry in declared.template()["Resources"].items() if "Condition" not in entry}
    assert set(alarms) == {f"{name}.Arn" for name in declared.resources("AWS::CloudWatch::Alarm") if name in always}


def test_a_page_is_written_of_everything_that_is_told_of_this_stack() -> None:
    pattern = declared.resources("AWS::Events::Rule")["NewsRule"]["EventPattern"]

    assert pattern == {
        "source": ["sluice"],
        "detail-type": ["DatasetUpdated", "RunFailed", "FileRejected"],
        "detail": {"bucket": [{"Ref": "RawBucket"}]},
    }


def test_the_watch_knows_how_often_it_is_called() -> None:
    rule = declared.resources("AWS::Events::Rule")["SilenceRule"]
    variables = declared.functions()["WatchFunction"]["Environment"]["Variables"]

    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert variables["WATCH_MINUTES"] == "60"


def test_whoever_deploys_is_told_where_things_are() -> None:
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
