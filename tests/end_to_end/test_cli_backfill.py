"""backfill: many files at once, in few runs, interrupted and continued."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from cli.stack import history
from cli.stack.connection import connect
from local import LocalAWS
from local.waiting import eventually
from tests.end_to_end.command import Command, sales_file
from tests.end_to_end.conftest import ROOT

STORES = [f"S{number}" for number in range(300, 318)]


def files(folder: Path) -> None:
    for number, store in enumerate(STORES):
        rows = [{"store_id": store} for _ in range(9)]
        bad = [{"channel": "fax"}] if number % 2 else []
        sales_file(folder, f"sales/{store}/2025-03-05.csv", *rows, *bad)


def published(sluice: Command) -> dict[str, Any]:
    return {
        source.split("/")[4]: run
        for run in sluice.json("runs", "--status", "PUBLISHED", "--limit", 10_000)
        for source in run["sources"]
    }


def stores_in_the_table(sluice: Command, like: str) -> dict[str, int]:
    """Rows that Athena counts, by store."""
    sql = f"SELECT store_id, count(*) AS n FROM sales WHERE store_id LIKE '{like}' GROUP BY 1"  # noqa: S608
    return {row["store_id"]: row["n"] for row in sluice.json("query", sql)}


def test_an_interrupted_backfill_goes_on_where_it_stopped(sluice: Command, tmp_path: Path):
    files(tmp_path)
    command = ["backfill", tmp_path, "--files", 6, "--runs", 1]
    program = [sys.executable, "-c", "from cli.main import main; main()", *map(str, command)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "functions")])
    stack = connect(None, None, None)
    uri = stack.uri(f"sales/{STORES[0]}/2025-03-05.csv")
    with subprocess.Popen(program, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True) as first:
        eventually(lambda: history.heads(stack, [uri]).get(uri, {}).get("published_version"), seconds=120)
        first.send_signal(signal.SIGINT)
        printed = first.communicate()[0]
    assert first.returncode == 130
    assert "interrupted" in printed
    assert "repeat the same command to continue" in printed

    result = sluice.json(*command)
    assert (result["files"], result["statuses"]) == (18, {"PUBLISHED": 18})
    assert 6 <= result["decided_before"] < 18
    assert (result["rows"], result["published"], result["quarantined"]) == (171, 162, 9)
    runs = {published(sluice)[store]["run_id"] for store in STORES}
    assert len(runs) == 3
    (count,) = sluice.json(
        "query",
        "SELECT count(*) AS n, count(DISTINCT _source_key) AS files, count(DISTINCT _run_id) AS runs FROM sales "
        "WHERE store_id BETWEEN 'S300' AND 'S317'",
    )
    assert count == {"n": 162, "files": 18, "runs": 3}
    lives = [sluice.json("show", f"sales/{store}/2025-03-05.csv") for store in (STORES[0], STORES[17])]
    assert [len(life) for life in lives] == [1, 1]  # nothing was uploaded twice

    done = sluice.json(*command)
    assert (done["statuses"], done["decided_before"]) == ({"PUBLISHED": 18}, 18)
    assert {published(sluice)[store]["run_id"] for store in STORES} == runs


def test_objects_that_were_there_before_are_taken_and_others_copied(sluice: Command, aws: LocalAWS, tmp_path: Path):
    stack = connect(None, None, None)
    s3, events = aws.client("s3"), aws.client("events")
    resources = aws.client("cloudformation").describe_stack_resource(StackName="sluice", LogicalResourceId="UploadRule")
    rule = resources["StackResourceDetail"]["PhysicalResourceId"]
    old = "old-uploads"
    s3.create_bucket(Bucket=old)
    events.disable_rule(Name=rule)  # as before Sluice was deployed
    for bucket, store in ((stack.raw, "S331"), (stack.raw, "S332"), (old, "S333")):
        file = sales_file(tmp_path, f"sales/{store}/2025-03-05.csv", {"store_id": store})
        s3.put_object(Bucket=bucket, Key=f"sales/{store}/2025-03-05.csv", Body=file.read_bytes())
    s3.put_object(Bucket=old, Key="sales/readme.txt", Body=b"hello")
    events.enable_rule(Name=rule)

    result = sluice.json("backfill", f"s3://{stack.raw}/sales/S33")
    assert (result["statuses"], result["rows"]) == ({"PUBLISHED": 2}, 2)
    assert stores_in_the_table(sluice, "S33%") == {"S331": 1, "S332": 1}
    copied = sluice.json("backfill", f"s3://{old}/sales/")
    assert (copied["statuses"], copied["ignored"]) == ({"PUBLISHED": 1}, ["sales/readme.txt"])
    assert copied == {**copied, "bad": [], "problems": {}}
    again = sluice.json("backfill", f"s3://{old}/sales/")
    assert again["statuses"] == {"PUBLISHED": 1}
    assert stores_in_the_table(sluice, "S33%") == {"S331": 1, "S332": 1, "S333": 1}
    assert len(sluice.json("show", "sales/S333/2025-03-05.csv")) == 1


def test_a_plan_changes_nothing(sluice: Command, tmp_path: Path):
    sales_file(tmp_path, "sales/S399/2025-03-05.csv", {})
    sales_file(tmp_path, "notes.csv", {})
    plan = sluice.json("backfill", tmp_path, "--dry-run")
    assert plan == {"files": {"sales": 1}, "runs": 1, "ignored": ["notes.csv"]}
    sluice("show", "sales/S399/2025-03-05.csv", code=1)


def test_a_file_that_is_rejected_is_named(sluice: Command, tmp_path: Path):
    sales_file(tmp_path, "sales/S398/2025-03-05.csv", {"store_id": "S398", "channel": "fax"})
    result = sluice.json("backfill", tmp_path, code=1)
    assert result["statuses"] == {"REJECTED": 1}
    assert "would be quarantined" in result["bad"][0]["why"]
    assert stores_in_the_table(sluice, "S398") == {}
