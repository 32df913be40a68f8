"""What a local AWS keeps for the next one of its folder, and when it does not."""

import os
import signal
from pathlib import Path

import pytest

from local import LocalAWS, PortTaken, kept
from local.waiting import eventually


def put(aws: LocalAWS) -> None:
    aws.client("s3").create_bucket(Bucket="kept")
    aws.client("s3").put_object(Bucket="kept", Key="a", Body=b"text")
    configuration = {"ResultConfiguration": {"OutputLocation": "s3://kept/results/"}}
    athena = aws.client("athena")
    athena.create_work_group(Name="kept", Configuration=configuration)
    query = athena.start_query_execution(QueryString="SELECT 1 AS one", WorkGroup="kept")["QueryExecutionId"]

    def succeeded() -> bool:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return bool(execution["Status"]["State"] == "SUCCEEDED")

    eventually(succeeded)


def test_objects_and_workgroups_come_back_on_the_same_port(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with LocalAWS(keep=folder) as aws:
        put(aws)
        assert not kept.is_whole(folder)
    assert kept.is_whole(folder)
    with LocalAWS(keep=folder) as again:
        assert again.endpoint == aws.endpoint
        assert again.client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"text"
        assert "kept" in [group["Name"] for group in again.client("athena").list_work_groups()["WorkGroups"]]
        with pytest.raises(PortTaken):
            LocalAWS(port=again.port).start()


def test_what_was_killed_is_not_whole_and_is_deleted_by_the_next(tmp_path: Path) -> None:
    with LocalAWS(keep=tmp_path) as aws:
        put(aws)
        os.killpg(aws.pid, signal.SIGKILL)
    assert kept.is_broken(tmp_path)
    with LocalAWS(keep=tmp_path) as again:
        assert again.client("s3").list_buckets()["Buckets"] == []


def test_what_another_version_saved_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    kept.saved(tmp_path, port=4711)
    assert (kept.port_of(tmp_path), kept.is_broken(tmp_path)) == (4711, False)
    mark = tmp_path / kept.MARK
    mark.write_text(mark.read_text().replace('"version": "', '"version": "0.'))
    assert (kept.port_of(tmp_path), kept.is_broken(tmp_path)) == (None, True)
