"""Pages of real runs: written after them, saying what their manifests say, and fetched by `sluice report`."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.commands.report import NoPage
from cli.stack.connection import Stack, connect
from local.waiting import eventually
from tests.end_to_end.command import Command
from tests.unit.pages import Page
from tests.unit.sales_rows import as_csv

BAD = [{"product_id": ""}, {"channel": "fax"}, {"transaction_id": "TEST9"}]


def page(sluice: Command, what: str, folder: Path) -> Page:
    """Fetch a page as soon as it is there."""
    path = folder / f"{what.replace('/', '-')}.html"

    def fetched() -> bool:
        try:
            sluice("report", what, "--out", path)
        except NoPage:
            return False
        return True

    eventually(fetched, seconds=60)
    return Page(path.read_text())


def document(stack: Stack, key: str) -> Any:
    return json.loads(stack.client("s3").get_object(Bucket=stack.work, Key=key)["Body"].read())


def test_a_run_leaves_a_page_that_says_what_its_manifest_says(
    sluice: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    entry = sluice.put(tmp_path, "sales/S701/2025-03-05.csv", *[{}] * 10, *BAD)
    run_id, source_id = entry["run_id"], entry["source_id"]
    shown = page(sluice, run_id, tmp_path)
    manifest = document(connect(None, None, None), f"runs/{run_id}/{source_id}/manifest.json")
    counts = {name: manifest[name] for name in ("rows_in", "published", "quarantined")}
    assert shown.numbers == {**counts, "discarded": 1}
    assert shown.numbers == {"rows_in": 13, "published": 10, "quarantined": 2, "discarded": 1}
    assert "row 12: fax" in shown.text
    monkeypatch.chdir(tmp_path)  # where the uploaded file lies under its key
    assert page(sluice, "sales/S701/2025-03-05.csv", tmp_path).numbers == shown.numbers


def test_the_page_of_a_dataset_adds_up_its_runs(sluice: Command, tmp_path: Path):
    runs = [sluice.put(tmp_path, f"sales/S70{number}/2025-03-06.csv", {})["run_id"] for number in (2, 3)]
    for run_id in runs:
        page(sluice, run_id, tmp_path)

    def latest() -> bool:
        sluice("report", "sales", "--out", tmp_path / "sales.html")
        return all(run_id in (tmp_path / "sales.html").read_text() for run_id in runs)

    eventually(latest, seconds=30)
    shown, facts = Page((tmp_path / "sales.html").read_text()), sluice.json("report", "sales")
    assert shown.numbers == {name: facts["rows"][name] for name in shown.numbers}
    assert facts["rows"]["rows_in"] == sum(facts["rows"][n] for n in ("published", "quarantined", "discarded"))


def test_a_rejected_file_leaves_a_page_and_an_alarm(sluice: Command, tmp_path: Path):
    sluice.put(tmp_path, "sales/S704/2025-03-05.csv", {}, {"channel": "fax"}, {"channel": "pigeon"}, code=1)
    shown = page(sluice, "sales/S704/2025-03-05.csv", tmp_path)
    assert shown.numbers == {"rows_in": 3, "quarantined": 2, "discarded": 0}
    assert "row 3: pigeon" in shown.text
    assert sluice.json("report", "sales/S704/2025-03-05.csv")["result"] == "rejected"
    history = connect(None, None, None).client("cloudwatch").get_paginator("describe_alarm_history")

    def raised() -> bool:  # also when it is over by now
        items = [item for page in history.paginate() for item in page["AlarmHistoryItems"]]
        return any(
            "QuarantineLimit" in item["AlarmName"] and item["HistorySummary"].endswith("to ALARM") for item in items
        )

    eventually(raised, seconds=60)


def test_a_page_can_be_written_anew_and_one_of_nothing_is_told(sluice: Command, tmp_path: Path):
    entry = sluice.put(tmp_path, "sales/S705/2025-03-05.csv", {})
    first = page(sluice, entry["run_id"], tmp_path)
    stack = connect(None, None, None)
    stack.client("s3").delete_object(Bucket=stack.work, Key=f"runs/{entry['run_id']}/report.html")
    with pytest.raises(NoPage, match="--renew"):
        sluice("report", entry["run_id"])
    sluice("report", entry["run_id"], "--renew", "--out", tmp_path / "again.html")
    assert Page((tmp_path / "again.html").read_text()).numbers == first.numbers
    with pytest.raises(NoPage, match="sales-nope is neither a run, nor a dataset, nor an uploaded key"):
        sluice("report", "sales-nope")
    with pytest.raises(NoPage, match="nothing is left of a run"):
        sluice("report", "sales-nope", "--renew")
    with pytest.raises(NoPage, match=r"no file was uploaded as s3://.*/sales/S999/2025-03-05\.csv"):
        sluice("report", "sales/S999/2025-03-05.csv")


def test_what_was_cleaned_on_this_machine_has_the_same_page(sluice: Command, tmp_path: Path):
    source = tmp_path / "day.csv"
    source.write_text(as_csv(*[{}] * 10, *BAD))
    sluice("clean", source, "--dataset", "sales", "--out", tmp_path / "out")
    sluice("report", tmp_path / "out" / "manifest.json")
    shown = Page((tmp_path / "out" / "report.html").read_text())
    assert shown.numbers == {"rows_in": 13, "published": 10, "quarantined": 2, "discarded": 1}
    assert "row 12: fax" in shown.text
