"""Every call is recorded, and any call can be made to fail."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local import Deployment, LocalAWS, faults
from local.emulator.calls import process_at
from local.waiting import eventually
from tests.local.state_machines import allow, make, run


@pytest.fixture(autouse=True)
def _no_faults_left(aws: LocalAWS) -> Iterator[None]:
    yield
    faults.clear(aws)


def behave(aws: LocalAWS, stack: Deployment, **event: Any) -> dict[str, Any]:
    answer = aws.client("lambda").invoke(FunctionName=stack.resources["BehaveFunction"], Payload=json.dumps(event))
    return {"error": answer.get("FunctionError"), "payload": json.loads(answer["Payload"].read())}


def test_a_call_is_recorded_with_its_action_its_role_and_its_status(
    aws: LocalAWS, stack: Deployment, bucket: str
) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="allowed/seen", Body=b"content")
    before = faults.calls(aws)[-1].number
    behave(aws, stack, do="read", bucket=bucket, key="allowed/seen")
    behave(aws, stack, do="read", bucket=bucket, key="forbidden")
    seen = [call for call in faults.calls(aws, since=before) if call.service == "s3"]
    role = stack.resources["BehaveFunctionRole"]
    assert [(call.action, call.role, call.status) for call in seen] == [
        ("s3:GetObject", role, 200),
        ("s3:GetObject", role, 403),
    ]


def test_a_call_fails_before_it_takes_effect(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    s3 = aws.client("s3")
    faults.inject(aws, "s3:PutObject", nth=2, times=9, status=503, code="SlowDown")
    s3.put_object(Bucket=bucket, Key="faults/first", Body=b"")
    with pytest.raises(s3.exceptions.ClientError, match="SlowDown"):
        s3.put_object(Bucket=bucket, Key="faults/second", Body=b"")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="faults/")["Contents"]] == [
        "faults/first"
    ]


def test_a_call_takes_effect_and_its_answer_is_lost(aws: LocalAWS, bucket: str) -> None:
    s3 = aws.client("s3")
    faults.inject(aws, "s3:PutObject", when="after", times=9)
    with pytest.raises(s3.exceptions.ClientError):
        s3.put_object(Bucket=bucket, Key="lost/answer", Body=b"here")
    faults.clear(aws)
    assert s3.get_object(Bucket=bucket, Key="lost/answer")["Body"].read() == b"here"


def test_only_the_named_role_is_struck(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="allowed/role", Body=b"content")
    faults.inject(aws, "s3:*", role=stack.resources["JobRole"], times=99)
    read = behave(aws, stack, do="read", bucket=bucket, key="allowed/role")
    assert read == {"error": None, "payload": "content"}
    assert faults.fired(aws) == 0


def test_the_calling_process_is_killed(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    faults.inject(aws, "s3:GetObject", role=stack.resources["BehaveFunctionRole"], how="kill")
    killed = behave(aws, stack, do="read", bucket=bucket, key="allowed/kill")
    assert killed["payload"]["errorType"] == "Runtime.ExitError"
    assert "signal 9" in killed["payload"]["errorMessage"]
    assert faults.fired(aws) == 1


@pytest.mark.parametrize(("when", "there"), [("before", False), ("after", True)])
def test_a_call_stalls_until_the_faults_are_cleared(aws: LocalAWS, bucket: str, when: Any, there: bool) -> None:
    s3, key = aws.client("s3"), f"stalled/{when}"
    faults.inject(aws, "s3:PutObject", when=when, how="stall")
    with ThreadPoolExecutor(1) as thread:
        put = thread.submit(s3.put_object, Bucket=bucket, Key=key, Body=b"late")
        eventually(lambda: faults.fired(aws))
        assert ("Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=key)) == there
        assert not put.done()
        faults.clear(aws)
        assert put.result()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"late"


def test_a_state_machine_that_is_killed_is_stopped_at_that_call(aws: LocalAWS, bucket: str) -> None:
    put = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject"}
    first = put | {"Arguments": {"Bucket": bucket, "Key": "stopped/1", "Body": "x"}, "Next": "Second"}
    second = put | {"Arguments": {"Bucket": bucket, "Key": "stopped/2", "Body": "x"}, "End": True}
    rights = [allow("s3:PutObject"), allow("kms:GenerateDataKey")]
    machine = make(aws, {"StartAt": "First", "States": {"First": first, "Second": second}}, statements=rights)
    faults.inject(aws, "s3:PutObject", when="after", how="kill")
    assert run(aws, machine, {})["status"] == "ABORTED"
    there = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="stopped/")["Contents"]
    assert [entry["Key"] for entry in there] == ["stopped/1"]


CONNECT = """
import socket, sys
here = socket.socket()
here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
here.bind(("127.0.0.1", int(sys.argv[1])))
here.connect(("127.0.0.1", int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.read()
"""


def test_of_two_processes_that_call_from_one_port_the_one_that_calls_us_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        callers = {}
        for server in (ours, other):
            command = [sys.executable, "-c", CONNECT, str(port), str(server.getsockname()[1])]
            caller = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            callers[server.getsockname()[1]] = caller
            assert caller.stdout is not None
            assert caller.stdout.readline() == b"connected\n"
        try:
            found = {server: process_at(port, server) for server in callers}
        finally:
            for caller in callers.values():
                caller.communicate()
    assert found == {server: caller.pid for server, caller in callers.items()}
