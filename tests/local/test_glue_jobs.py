"""A Glue job runs its script, under its role."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import Deployment, LocalAWS
from local.waiting import eventually
from tests.local.state_machines import output_of, run


@pytest.fixture(autouse=True)
def extra(aws: LocalAWS, bucket: str) -> None:
    """The archive that the job's --extra-py-files names."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("packaged.py", "answer = 42\n")
    aws.client("s3").put_object(Bucket=bucket, Key="job/extra.zip", Body=archive.getvalue())


def start(aws: LocalAWS, job: str, **arguments: str) -> str:
    given = {f"--{name}": value for name, value in arguments.items()}
    return str(aws.client("glue").start_job_run(JobName=job, Arguments=given)["JobRunId"])


def ended(aws: LocalAWS, job: str, run_id: str, *, seconds: float = 60) -> dict[str, Any]:
    glue = aws.client("glue")

    def look() -> dict[str, Any] | None:
        found = dict(glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])
        return found if found["JobRunState"] not in ("STARTING", "RUNNING", "STOPPING") else None

    return eventually(look, seconds=seconds)


def content(aws: LocalAWS, bucket: str, key: str) -> Any:
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def new_job(aws: LocalAWS, stack: Deployment, bucket: str, script: str, **extra: Any) -> str:
    name = f"job-{uuid.uuid4().hex[:8]}"
    key = f"job/{name}/clean.py"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=script.encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/{key}", "PythonVersion": "3"}
    role = aws.client("iam").get_role(RoleName=stack.resources["JobRole"])["Role"]["Arn"]
    aws.client("glue").create_job(Name=name, Role=role, Command=command, **extra)
    return name


def test_the_script_gets_the_arguments_of_job_and_run_and_acts_as_the_role(
    aws: LocalAWS, stack: Deployment, bucket: str
) -> None:
    job = stack.resources["Job"]
    done = ended(aws, job, start(aws, job, key="job/out.json", text="a b"))
    assert done["JobRunState"] == "SUCCEEDED", done
    seen = content(aws, bucket, "job/out.json")
    assert seen["text"] == "a b"
    assert seen["argv"][seen["argv"].index("--bucket") + 1] == bucket
    assert seen["argv"][seen["argv"].index("--JOB_NAME") + 1] == job
    assert f"assumed-role/{stack.resources['JobRole']}/" in seen["caller"]


def test_a_script_that_raises_fails_the_run_with_its_message(aws: LocalAWS, stack: Deployment) -> None:
    job = stack.resources["Job"]
    done = ended(aws, job, start(aws, job, key="job/never", fail="no such column"))
    assert (done["JobRunState"], done["ErrorMessage"]) == ("FAILED", "RuntimeError: no such column")


def test_what_the_role_may_not_write_is_not_written(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    job = stack.resources["Job"]
    done = ended(aws, job, start(aws, job, key="elsewhere/out.json"))
    assert done["JobRunState"] == "FAILED"
    assert "AccessDenied" in done["ErrorMessage"]
    assert aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="elsewhere/")["KeyCount"] == 0


def test_one_run_too_many_is_refused(aws: LocalAWS, stack: Deployment) -> None:
    job, glue = stack.resources["Job"], aws.client("glue")
    first = start(aws, job, key="job/slow.json", seconds="600")
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        start(aws, job, key="job/second.json")
    assert glue.batch_stop_job_run(JobName=job, JobRunIds=[first])["Errors"] == []
    assert ended(aws, job, first)["JobRunState"] == "STOPPED"


def test_two_jobs_with_scripts_of_one_name_run_their_own(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    script = "import boto3; boto3.client('s3').put_object(Bucket='{0}', Key='job/{1}', Body=b'\"{1}\"')"
    jobs = [new_job(aws, stack, bucket, script.format(bucket, name)) for name in ("one", "two")]
    for job, run_id in [(job, start(aws, job)) for job in jobs]:
        assert ended(aws, job, run_id)["JobRunState"] == "SUCCEEDED"
    assert [content(aws, bucket, f"job/{name}") for name in ("one", "two")] == ["one", "two"]


def test_extra_py_files_can_be_imported(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    job = new_job(
        aws,
        stack,
        bucket,
        "import packaged; assert packaged.answer == 42",
        DefaultArguments={"--extra-py-files": f"s3://{bucket}/job/extra.zip"},
    )
    assert ended(aws, job, start(aws, job))["JobRunState"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("s3://{bucket}/job/there.gluewheels.zip", ""),
        ("s3://{bucket}/job/missing.gluewheels.zip", "Error downloading from S3"),
        ("s3://{bucket}/job/extra.zip", "no zip of wheels"),
        ("polars==2.1.0", "no zip of wheels"),
    ],
)
def test_a_job_without_an_index_needs_wheels_that_it_may_read(
    aws: LocalAWS, stack: Deployment, bucket: str, module: str, reason: str
) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="job/there.gluewheels.zip", Body=b"wheels")
    modules = {"--additional-python-modules": module.format(bucket=bucket)}
    job = new_job(
        aws, stack, bucket, "pass", DefaultArguments={**modules, "--python-modules-installer-option": "--no-index"}
    )
    done = ended(aws, job, start(aws, job))
    assert (done["JobRunState"] == "SUCCEEDED") == (not reason), done
    assert reason in done.get("ErrorMessage", "")


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    job = new_job(aws, stack, bucket, "raise SystemExit(1)", MaxRetries=1)
    first = start(aws, job)
    assert ended(aws, job, first)["JobRunState"] == "FAILED"
    assert ended(aws, job, f"{first}_attempt_1")["Attempt"] == 1


def test_the_machine_waits_for_the_job(aws: LocalAWS, stack: Deployment) -> None:
    machine = stack.outputs["MachineArn"]
    given = {"way": "job", "arguments": {"--key": "job/machine.json", "--seconds": "0.3"}}
    answer = output_of(run(aws, machine, given))
    assert answer["state"] == "SUCCEEDED"
    given["arguments"] |= {"--fail": "broken"}
    failed = run(aws, machine, given)
    assert failed["error"] == "States.TaskFailed"
    assert json.loads(failed["cause"])["ErrorMessage"] == "RuntimeError: broken"


SPARK = """
import sys
from pyspark.sql import SparkSession
import boto3
spark = SparkSession.builder.getOrCreate()
uri = sys.argv[sys.argv.index("--prefix") + 1]
frame = spark.read.option("header", True).csv(uri + "in/")
frame.write.partitionBy("store").parquet(uri + "out/")
bucket, _, prefix = uri.removeprefix("s3://").partition("/")
listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix + "out/store=7/")
assert listed["KeyCount"] == 1, listed
"""


def test_spark_reads_and_writes_s3_paths(aws: LocalAWS, stack: Deployment, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="job/spark/in/a.csv", Body=b"store,amount\n7,1\n8,2\n")
    job = new_job(aws, stack, bucket, SPARK)
    done = ended(aws, job, start(aws, job, prefix=f"s3://{bucket}/job/spark/"))
    assert done["JobRunState"] == "SUCCEEDED", done["ErrorMessage"]
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="job/spark/out/")["Contents"]]
    assert sum(key.endswith(".parquet") for key in keys) == 2
    assert not [key for key in keys if key.endswith(".crc") or "_temporary" in key]
