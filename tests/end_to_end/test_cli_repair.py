"""quarantine, replay, retract, redrive and doctor: repairing what went wrong."""

import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cli.repair.preview import NotInQuarantine
from cli.stack import deployment
from cli.stack.athena import QueryFailed
from cli.stack.connection import connect
from local import LocalAWS, faults
from tests.end_to_end.command import Command

KEY = "sales/S201/2025-03-05.csv"


def rows_of(sluice: Command, key: str, table: str = "sales") -> list[Any]:
    sql = f"SELECT _row_number, transaction_id, channel FROM {table} WHERE _source_key LIKE '%/{key}' ORDER BY 1"  # noqa: S608
    return [tuple(row.values()) for row in sluice.json("query", sql)]


def rewrite(path: Path, change: dict[str, dict[str, str]]) -> None:
    """Change cells of an export: transaction → column → text."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        line.update(change.get(line["transaction_id"], {}))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def test_corrected_rows_replace_the_quarantined_ones_under_their_numbers(sluice: Command, tmp_path: Path):
    bad = [{"channel": "fax"}, {"customer_age": "150"}, {"product_id": "", "category": " NA, 007 "}]
    sluice.put(tmp_path, KEY, *[{}] * 12, *bad, {"transaction_id": "TEST1"})
    export = tmp_path / "rows.csv"
    assert sluice.json("quarantine", "sales", "--source", KEY, "--export", export)["rows"] == 3
    exported = list(csv.DictReader(export.open(newline="")))
    assert [(line["_row_number"], line["_reasons"]) for line in exported] == [
        ("13", "channel_is_in_set"),
        ("14", "customer_age_is_between_0_and_120"),
        ("15", "product_id_is_present"),
    ]
    assert exported[2]["category"] == " NA, 007 "
    assert "no row differs" in sluice("replay", export, code=1).stdout
    assert len(sluice.json("show", KEY)) == 1

    rewrite(export, {"T13": {"_row_number": "12"}})  # a spreadsheet sorted a column, say
    with pytest.raises(NotInQuarantine, match=f"row 12 of {KEY}"):
        sluice("replay", export, "--yes")
    rewrite(export, {"T13": {"_row_number": "13", "channel": "online"}, "T15": {"category": "NA, 7"}})
    asked = sluice("replay", export, code=1).stderr
    assert "no reason names this column" in asked
    assert "2 cells in all, 1 with a warning" in asked
    assert [number for number, _, _ in rows_of(sluice, KEY)] == [*range(1, 13)]

    rewrite(export, {"T15": {"product_id": "P9", "category": " NA, 007 "}})
    (account,) = sluice.json("replay", export, "--yes")["accounts"]
    assert account["before"] == {"rows": 16, "published": 12, "quarantined": 3, "discarded": 1}
    assert account["after"] == {"rows": 16, "published": 14, "quarantined": 1, "discarded": 1}
    published = rows_of(sluice, KEY)
    assert [number for number, _, _ in published] == [*range(1, 14), 15]
    assert published[12] == (13, "T13", "online")
    assert rows_of(sluice, KEY, "sales_quarantine") == [(14, "T14", "online")]
    (new, old) = sluice.json("show", KEY)
    assert new["origin"] == f"replay:{old['version']}"

    again = sluice.json("replay", export, "--yes")  # interrupted or repeated: nothing is uploaded twice
    assert again["accounts"][0]["after"] == account["after"]
    rewrite(export, {"T14": {"customer_age": "15"}})  # but this export is of a version that was replaced
    assert "export it again" in sluice.json("replay", export, "--yes", code=1)["problems"][KEY]
    assert len(sluice.json("show", KEY)) == 2


def test_a_retracted_file_leaves_the_table_and_can_be_restored(sluice: Command, tmp_path: Path):
    key = "sales/S204/2025-03-05.csv"
    first = sluice.put(tmp_path, key, *[{}] * 18, {"channel": "fax"}, {"channel": "fax", "product_id": ""})
    day = first["received_at"][:10]
    counts = sluice.json("quarantine", "sales", "--source", key)
    assert counts["days"] == [{"day": day, "files": 1, "rows": 20, "quarantined": 2}]
    assert counts["reasons"] == [
        {"reason": "channel_is_in_set", "rows": 2, "files": 1, "by_day": {day: 2}},
        {"reason": "product_id_is_present", "rows": 1, "files": 1, "by_day": {day: 1}},
    ]
    assert "2 of 20 rows in quarantine (10.00%)" in sluice("quarantine", "sales", "--source", key).stdout

    assert "18 published and 2 quarantined rows" in sluice("retract", key, code=1).stderr  # it asks for confirmation
    assert len(sluice.json("show", key)) == 1
    (retracted,) = sluice.json("retract", key, "--yes")
    assert (retracted["status"], retracted["rows"]) == ("PUBLISHED", 0)
    assert retracted["origin"] == f"retract:{first['version']}"
    assert rows_of(sluice, key) == rows_of(sluice, key, "sales_quarantine") == []
    assert "no rows in the table already" in sluice("retract", key, "--yes").stdout
    result = sluice.json("replay", "--source", key, "--version", first["version"])
    assert result["accounts"][0]["after"]["published"] == 18
    assert len(rows_of(sluice, key)) == 18


def test_a_failed_run_is_redriven(sluice: Command, aws: LocalAWS, tmp_path: Path):
    key = "sales/S206/2025-03-05.csv"
    faults.inject(aws, "s3:PutObject", role="*CleanRole*", times=20, status=403, code="AccessDenied")
    try:
        failed = sluice.put(tmp_path, key, {}, code=1)
    finally:
        faults.clear(aws)
    assert failed["status"] == "FAILED"
    assert rows_of(sluice, key) == []
    assert failed["run_id"] in sluice("runs", "--status", "FAILED").stdout
    assert f"sluice redrive {failed['run_id']}" in sluice("show", failed["run_id"]).stdout
    (done,) = sluice.json("redrive", failed["run_id"])
    assert (done["status"], done["attempt"]) == ("PUBLISHED", 2)
    assert done["run_id"] == f"{failed['run_id']}-2"
    assert rows_of(sluice, key) == [(1, "T1", "online")]
    assert "no file of" in sluice("redrive", failed["run_id"], code=1).stderr


def test_the_doctor_finds_no_problem_and_names_code_that_is_not_deployed(
    sluice: Command, monkeypatch: pytest.MonkeyPatch
):
    modules = [*deployment.local_modules(), ("sluice/undeployed.py", b"")]
    monkeypatch.setattr(deployment, "local_modules", lambda: modules)
    findings = {each["what"]: each for each in sluice.json("doctor")}
    assert {each["state"] for each in findings.values()} <= {"ok", "note"}
    assert findings["credentials"]["detail"].endswith(":root")
    assert findings["code"]["state"] == "note"
    assert "sluice/undeployed.py" in findings["code"]["detail"]
    assert "sluice/manifest.py" not in findings["code"]["detail"]


def test_the_doctor_finds_a_dead_letter(sluice: Command, aws: LocalAWS):
    stack = connect(None, None, None)
    sqs, queue = stack.client("sqs"), stack.output("DeadLetterQueueUrl")
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        findings = {each["what"]: each for each in sluice.json("doctor", code=1)}
        assert findings["dead letters"]["state"] == "bad"
        assert "sluice redrive --dead-letters" in findings["dead letters"]["detail"]
    finally:
        sqs.purge_queue(QueueUrl=queue)


def test_a_result_is_written_as_csv_or_parquet_and_costs_are_summed(sluice: Command, tmp_path: Path):
    key = "sales/S209/2025-03-05.csv"
    entry = sluice.put(tmp_path, key, {}, {"unit_price": "12.50"})
    sql = f"SELECT transaction_id, unit_price, sale_date FROM sales WHERE _source_key LIKE '%/{key}' ORDER BY 1"  # noqa: S608
    out = tmp_path / "out.parquet"
    assert sluice.json("query", sql, "--out", out) == {"rows": 2, "out": str(out)}
    read = pl.read_parquet(out)
    assert [str(price) for price in read["unit_price"]] == ["9.99", "12.50"]
    sluice("query", sql, "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[2] == "T2,12.50,2025-03-05"

    (day,) = sluice.json("costs", "--dataset", "sales", "--since", "1d")
    assert day["period"] == entry["published_at"][:10]
    assert day["cost_usd"] >= entry["cost_usd"] > 0
    assert day["rows"] >= 2
    assert "sales" in sluice("costs", "--by", "month").stdout


def test_a_refused_query_is_an_error(sluice: Command):
    with pytest.raises(QueryFailed, match="nope"):
        sluice("query", "SELECT nope FROM sales")
