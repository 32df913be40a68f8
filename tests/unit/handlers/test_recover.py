from typing import Any

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.errors import UnexpectedEvent
from tests.unit.cloud import MACHINE, Cloud
from tests.unit.sales_rows import as_csv

KEY = "sales/S001/2025-03-05.csv"
FIRST, SECOND = as_csv({}, {}), as_csv({}, {}, {})


def recover(cloud: Cloud, source: ObjectVersion, **detail: Any) -> Any:
    event = cloud.event("recover", source)
    event["detail"].update(detail)
    return cloud.invoke("recover", event)


def texts(cloud: Cloud) -> list[str]:
    return [message["Message"] for message in cloud.messages() if message.get("Type") == "Notification"]


def readers_rows(cloud: Cloud) -> int:
    return cloud.table().height


@pytest.mark.parametrize("reached", ["validate", "claim", "clean", "reconcile", "publish"])
@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED", "FAILED"])
def test_a_run_whose_machine_ended_anywhere_is_undone_and_reported(cloud: Cloud, reached: str, status: str):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    source = cloud.put(KEY, SECOND, "02")
    cloud.run(source, until=reached)
    run_id = cloud.task(source)["run_id"]
    cloud.messages()
    assert recover(cloud, source, status=status) == {"run_id": run_id, "undone": 1}
    assert readers_rows(cloud) == 2
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["error"]) == ("FAILED", f"Execution{status.title().replace('_', '')}")
    assert "lease_owner" not in cloud.ledger.head(source)
    [text] = texts(cloud)
    assert f"sluice redrive {run_id}" in text
    assert "Rows:    3" in text


def test_a_run_that_undid_and_reported_itself_is_left_alone(cloud: Cloud):
    source = cloud.put(KEY, FIRST)
    cloud.run(source, until="publish")
    cloud.step("undo", source, error={"Error": "RowsLost", "Cause": "7 != 8"})
    cloud.messages()
    assert recover(cloud, source, status="FAILED")["undone"] == 0
    assert cloud.ledger.entry(source)["error"] == "RowsLost"
    assert texts(cloud) == []


def test_a_completed_source_of_a_run_that_failed_stays_published(cloud: Cloud):
    source = cloud.put(KEY, FIRST)
    cloud.run(source)
    assert recover(cloud, source, status="FAILED")["undone"] == 0
    assert readers_rows(cloud) == 2
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"


def test_what_a_run_had_no_time_to_remove_is_removed(cloud: Cloud):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    source = cloud.put(KEY, SECOND, "02")
    cloud.run(source, until="complete")
    assert readers_rows(cloud) == 5
    assert recover(cloud, source, status="ABORTED")["undone"] == 0
    assert readers_rows(cloud) == 3
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"


def test_the_reason_that_the_machine_gives_is_reported(cloud: Cloud):
    source = cloud.put(KEY, FIRST)
    cloud.run(source, until="claim")
    recover(cloud, source, status="ABORTED", cause="stopped by Ada")
    assert cloud.ledger.entry(source)["cause"] == "stopped by Ada"


def test_a_recovered_file_is_published_by_a_redrive(cloud: Cloud):
    source = cloud.put(KEY, FIRST)
    cloud.run(source, until="publish")
    recover(cloud, source)
    assert cloud.ledger.reopen(source) == 2
    cloud.run(source)
    assert cloud.ledger.entry(source)["run_id"].endswith("-2")
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"
    assert readers_rows(cloud) == 2


def test_a_file_that_was_reopened_before_recover_came_stays_for_its_redrive(cloud: Cloud):
    source = cloud.put(KEY, FIRST)
    cloud.run(source, until="publish")
    cloud.step("undo", source, error={"Error": "OSError", "Cause": "S3 kept 1 objects"})
    cloud.ledger.reopen(source)
    assert recover(cloud, source)["undone"] == 0
    assert cloud.ledger.entry(source)["status"] == "RECEIVED"
    cloud.run(source)
    assert cloud.ledger.entry(source)["status"] == "PUBLISHED"
    assert readers_rows(cloud) == 2


@pytest.mark.parametrize("forgery", [{"stateMachineArn": MACHINE + "x"}, {"stateMachineArn": ""}])
def test_the_end_of_another_machine_s_execution_is_refused(cloud: Cloud, forgery: dict[str, str]):
    source = cloud.put(KEY, FIRST)
    cloud.run(source, until="publish")
    with pytest.raises(UnexpectedEvent):
        recover(cloud, source, **forgery)
    assert cloud.ledger.entry(source)["status"] == "CLEANING"
