"""put, runs and show: upload a file, and see its status and history."""

from pathlib import Path
from typing import Any

import pytest

from cli.stack.connection import NoStack, connect
from local import LocalAWS, detached
from sluice.errors import UnknownDataset
from tests.end_to_end.command import Command, sales_file

KEY = "sales/S101/2025-03-05.csv"
BAD = [{"product_id": ""}, {"channel": "fax"}, {"transaction_id": "TEST9"}]


@pytest.fixture(scope="module")
def entry(sluice: Command, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The ledger's entry of a file that was put."""
    return sluice.put(tmp_path_factory.mktemp("put"), KEY, *[{}] * 10, *BAD)


def test_a_file_is_put_and_followed_to_the_table(entry: Any):
    assert entry["status"] == "PUBLISHED"
    assert entry["source"].endswith("/sales/S101/2025-03-05.csv")
    assert (entry["rows"], entry["published"], entry["quarantined"]) == (13, 10, 2)
    assert entry["discarded"] == {"test_transaction": 1}


def test_a_rejected_file_is_shown_with_its_reason_and_exits_with_1(sluice: Command, tmp_path: Path):
    file = sales_file(tmp_path, "sales/S102/2025-03-05.csv", {}, {"channel": "fax"}, {"channel": "pigeon"})
    shown = sluice("put", file, code=1).stdout
    assert "REJECTED" in shown
    assert "2 of 3 rows (66.7%) would be quarantined" in shown
    version = sluice("show", "sales/S102/2025-03-05.csv").stdout
    assert 'row 2: "fax"' in version
    (version,) = sluice.json("show", "sales/S102/2025-03-05.csv")
    assert version["report"]["examples"]["channel_is_in_set"][1] == {"row_number": 3, "text": "pigeon"}


def test_a_file_of_no_dataset_needs_a_key(sluice: Command, tmp_path: Path):
    file = sales_file(tmp_path, "monday.csv", {})
    (entry,) = sluice.json("put", file, "--key", "sales/S103/2025-03-05.csv")
    (row,) = sluice.json("query", f"SELECT _source_key FROM sales WHERE _run_id = '{entry['run_id']}'")  # noqa: S608
    assert row["_source_key"] == entry["source"]
    assert entry["source"].endswith("/sales/S103/2025-03-05.csv")


def test_every_version_of_a_file_is_shown_the_latest_first(sluice: Command, entry: Any, tmp_path: Path):
    second = sluice.put(tmp_path, KEY, {}, {})
    versions = sluice.json("show", KEY)
    assert [(each["version"], each["rows"]) for each in versions] == [(second["version"], 2), (entry["version"], 13)]


def test_a_run_is_shown_with_its_states_and_files(sluice: Command, entry: Any):
    run = sluice.json("show", entry["run_id"])
    assert run["status"] == "SUCCEEDED"
    assert [each["source"] for each in run["files"]] == [entry["source"]]
    states = [each["state"] for each in run["states"]]
    assert [state for state in states if state in ("Claim", "Clean", "Publish", "Complete")] == [
        "Claim",
        "Clean",
        "Publish",
        "Complete",
    ]
    assert all(each["seconds"] > 0 for each in run["states"])
    assert "SUCCEEDED" in sluice("show", entry["run_id"]).stdout


def test_runs_are_listed_by_dataset_status_and_time(sluice: Command, entry: Any, tmp_path: Path):
    rejected = sluice.put(tmp_path, "sales/S107/2025-03-05.csv", {"channel": "fax"}, code=1)
    listed = sluice.json("runs", "--dataset", "sales", "--limit", 1000)
    by_run = {run["run_id"]: run for run in listed}
    assert by_run[entry["run_id"]]["sources"] == [entry["source"]]
    assert rejected["source"] in [source for run in listed if run["run_id"] is None for source in run["sources"]]
    failed = sluice.json("runs", "--status", "rejected", "--limit", 1000)
    assert {run["status"] for run in failed} == {"REJECTED"}
    assert sluice.json("runs", "--since", "2999-01-01") == []
    assert entry["run_id"] in sluice("runs").stdout


def test_an_unknown_file_exits_with_1(sluice: Command):
    assert "sluice runs" in sluice("show", "sales/S999/2025-03-05.csv", code=1).stderr


def test_an_unknown_dataset_or_run_is_an_error_and_one_without_files_is_not(sluice: Command):
    for command in ("runs", "costs"):
        with pytest.raises(UnknownDataset, match="known: flights, grocery"):
            sluice(command, "--dataset", "nope")
    assert "nothing since 20" in sluice("runs", "--dataset", "flights").stdout
    sluice("redrive", "sales-nope", code=1)


def test_without_a_stack_the_message_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(NoStack, match="sluice up"):
        connect(None, None, None)


def test_the_local_aws_of_another_checkout_is_not_used_and_its_owner_is_named(
    sluice: Command, aws: LocalAWS, monkeypatch: pytest.MonkeyPatch
):
    owner = f"{aws.endpoint} belongs to {detached.CHECKOUT}"
    monkeypatch.setattr(detached, "CHECKOUT", Path("/other/checkout"))
    with pytest.raises(NoStack, match=owner):
        sluice("runs")
    assert owner in sluice("down", code=1).stderr.replace("\n", " ")
    assert aws.client("s3").list_buckets()["Buckets"] != []


def test_a_deployed_stack_is_found_by_its_name(sluice: Command, aws: LocalAWS, monkeypatch: pytest.MonkeyPatch):
    for name, value in aws.env().items():
        monkeypatch.setenv(name, value)
    stack = connect("sluice", None, "us-east-1")
    assert (stack.local, stack.name) == (False, "sluice")
    assert stack.raw == connect(None, None, None).raw
    assert isinstance(sluice.json("runs", "--stack", "sluice", "--region", "us-east-1"), list)
    with pytest.raises(NoStack, match="there is no stack elsewhere in us-east-1"):
        connect("elsewhere", None, "us-east-1")
