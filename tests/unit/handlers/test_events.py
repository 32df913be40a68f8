"""Each file in events/ is what AWS hands to its function, and drives it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sluice.contract import registry
from tests.unit.cloud import EVENTS, RAW, SAMPLE, Cloud
from tests.unit.sales_rows import as_csv

FUNCTIONS = Path(__file__).parents[3] / "functions"
FILE = as_csv({}, {}, {"channel": "fax"}, {"is_test": "yes"}, {}, {}, {"sale_date": "2025-04-01"})


def test_every_function_has_a_sample_event():
    assert {path.stem for path in EVENTS.glob("*.json")} == {path.stem for path in FUNCTIONS.glob("*.py")}


def uploaded(cloud: Cloud, until: str | None = None) -> tuple[Any, Any]:
    source = cloud.put(SAMPLE.key, FILE)
    if until:
        cloud.run(source, until=until)
    return source, cloud.event


def test_the_event_of_validate_starts_a_run(cloud: Cloud):
    source, event = uploaded(cloud)
    assert cloud.invoke("validate", event("validate", source)) == {"batchItemFailures": []}
    entry = cloud.ledger.entry(source)
    assert (entry["status"], entry["rows"], entry["would_quarantine"]) == ("RECEIVED", 7, 1)
    names = [run["name"] for run in cloud.stepfunctions.list_executions(stateMachineArn=machine(cloud))["executions"]]
    assert names == [entry["run_id"]]


@pytest.mark.parametrize(
    ("name", "after", "answer"),
    [
        ("claim", "validate", {"claimed": True, "engine": "polars"}),
        ("clean", "claim", {"manifest": "runs/{run}/{id}/manifest.json"}),
        ("reconcile", "clean", {"rows_in": 7, "published": 5, "quarantined": 1, "discarded": {"test_transaction": 1}}),
        ("publish", "reconcile", {"new_partitions": 2, "table": "parquet"}),
        ("undo", "publish", {"status": "FAILED"}),
        ("complete", "publish", {"status": "PUBLISHED", "replaced": 0}),
        ("remove_replaced", "complete", {"removed": 0}),
    ],
)
def test_the_event_of_a_source_drives_its_function(cloud: Cloud, name: str, after: str, answer: dict[str, Any]):
    source, event = uploaded(cloud, until=after)
    run_id = cloud.ledger.entry(source)["run_id"]
    filled = {k: v.format(run=run_id, id=source.id) if isinstance(v, str) else v for k, v in answer.items()}
    assert cloud.invoke(name, event(name, source)) == {"id": source.id, **filled}


def test_the_events_of_plan_check_and_check_compare_the_rows_in_the_table(cloud: Cloud):
    source, event = uploaded(cloud, until="publish")
    plan = cloud.invoke("plan_check", event("plan_check", source))
    check = event("check", source) | {"query_execution_id": cloud.query(plan)}
    assert cloud.invoke("check", check) == {"ok": [source.id], "mismatched": []}


def test_the_event_of_report_reports_the_failure(cloud: Cloud):
    source, event = uploaded(cloud, until="claim")
    cloud.invoke("undo", event("undo", source))
    answer = cloud.invoke("report", event("report", source))
    assert answer == {"run_id": cloud.ledger.entry(source)["run_id"], "failed": 1}


def test_the_event_of_describe_writes_the_pages_of_the_run_and_of_its_dataset(cloud: Cloud):
    source, event = uploaded(cloud, until="complete")
    run_id = cloud.ledger.entry(source)["run_id"]
    answer = cloud.invoke("describe", event("describe", source))
    assert answer == {"pages": [f"runs/{run_id}/report.html", "pages/sales.html"]}


def test_the_event_of_watch_finds_the_stale_datasets(cloud: Cloud):
    assert cloud.invoke("watch", cloud.event_of("watch")) == {"stale": [], "notified": [], "released": [], "unseen": 0}


def test_the_event_of_window_writes_what_the_window_counted(cloud: Cloud):
    assert cloud.invoke("window", cloud.event_of("window")) == {"state": {}}
    (file,) = cloud.s3.list_objects_v2(Bucket=RAW, Prefix="sentiment_minutes/")["Contents"]
    assert registry.match(file["Key"]).dataset == "sentiment_minutes"
    written = cloud.s3.get_object(Bucket=RAW, Key=file["Key"])["Body"].read().decode()
    rows = [json.loads(line) for line in written.splitlines()]
    assert [(row["minute"], row["brand"], row["posts"], row["score_total"]) for row in rows] == [
        ("2026-11-20T08:58:00", "acme", 1, "-0.500"),
        ("2026-11-20T09:00:00", "acme", 2, "1.250"),
    ]


def test_the_event_of_route_names_the_dataset_or_says_that_there_is_none(cloud: Cloud):
    found, lost = cloud.invoke("route", cloud.event_of("route"))["records"]
    assert (found["result"], found["metadata"]) == ("Ok", {"partitionKeys": {"dataset": "sentiment"}})
    assert base64.b64decode(found["data"]) == b'{"post_id": "p-1"}\n'
    assert (lost["result"], base64.b64decode(lost["data"])) == ("ProcessingFailed", b'{"post_id')


def test_the_event_of_recover_gives_the_run_up(cloud: Cloud):
    source, event = uploaded(cloud, until="publish")
    answer = cloud.invoke("recover", event("recover", source))
    assert answer == {"run_id": cloud.ledger.entry(source)["run_id"], "undone": 1}
    assert cloud.ledger.entry(source)["status"] == "FAILED"
    assert cloud.lake() == []


def machine(cloud: Cloud) -> str:
    return str(cloud.stepfunctions.list_state_machines()["stateMachines"][0]["stateMachineArn"])
