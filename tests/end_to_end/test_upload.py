"""A file becomes rows, by whatever it was uploaded; a rejected one starts nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from local import LocalAWS
from tests.chaos.files import broken, sales
from tests.chaos.world import World

ROOT = Path(__file__).parents[2]
AWS_CLI = ROOT / "tests" / "sam" / ".venv" / "bin" / "aws"


@pytest.fixture(scope="module")
def world(aws: LocalAWS) -> World:
    return World.create(aws, stack="upload", Database="upload")


def tags(world: World, key: str, version: str) -> dict[str, str]:
    answer = world.aws.client("s3").get_object_tagging(Bucket=world.raw, Key=key, VersionId=version)
    return {tag["Key"].removeprefix("sluice:"): tag["Value"] for tag in answer["TagSet"]}


def test_rows_come_out_of_files_that_boto3_and_the_aws_command_line_sent(world: World, tmp_path: Path) -> None:
    by_boto3 = world.put("sales/S001/2025-03-05.csv", sales(1))
    (tmp_path / "day.csv").write_bytes(sales(3, store="S002"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **world.aws.env()}
    subprocess.run(
        [AWS_CLI, "s3", "cp", "--quiet", "day.csv", f"s3://{world.raw}/sales/S002/2025-03-05.csv"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    assert world.settle() == []
    rows = world.query("SELECT store_id, count(*) AS sold, sum(quantity) AS pieces FROM sales GROUP BY 1 ORDER BY 1")
    assert rows == [["S001", "8", "36"], ["S002", "8", "36"]]
    quarantined = world.query("SELECT store_id, array_join(_reasons, ',') AS reasons FROM sales_quarantine ORDER BY 1")
    assert quarantined == [["S001", "channel_is_in_set"], ["S002", "channel_is_in_set"]]
    tagged = tags(world, by_boto3.key, by_boto3.version_id)
    assert tagged["status"] == "PUBLISHED"
    assert (tagged["validation"], tagged["dataset"], tagged["rows"]) == ("accepted", "sales", "11")
    assert tagged["run_id"].startswith("sales-")


def test_a_rejected_file_is_tagged_and_starts_nothing(world: World) -> None:
    upload = world.put("sales/S003/2025-03-05.csv", broken(1), rejected=True)
    assert world.settle() == []
    (entry,) = [item for item in world.items([upload.key]) if item["version"] == upload.version_id]
    assert entry["status"] == "REJECTED"
    assert "quarantined_share_is_within_limit" in entry["reasons"]
    assert tags(world, upload.key, upload.version_id)["validation"] == "rejected"
    assert "run_id" not in entry
