"""Queues, rules and the topic: encrypted, closed, and given the events that they are for."""

import json

from tests.contract import declared
from tests.contract.encryption import KEY_OR_NONE


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
    assert dead == [{"Fn::GetAtt": [rule, "Arn"]} for rule in declared.events()]


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
    pattern = declared.events()["RecoverFunctionFailedRunRule"]["Pattern"]

    assert pattern["detail"] == {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [{"Ref": "EtlStateMachine"}],
    }


def test_a_page_is_written_when_a_run_ends() -> None:
    pattern = declared.events()["DescribeFunctionEndedRunRule"]["Pattern"]

    assert pattern == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            "stateMachineArn": [{"Ref": "EtlStateMachine"}],
        },
    }


def test_a_page_is_written_of_a_rejected_file_and_of_what_is_undone_after_its_run() -> None:
    pattern = declared.events()["DescribeFunctionNoticeRule"]["Pattern"]

    assert pattern == {
        "source": ["sluice"],
        "detail-type": ["RunFailed", "FileRejected"],
        "detail": {"bucket": [{"Ref": "RawBucket"}]},
    }
