"""The facts of a run's page: columns compared with earlier runs, and its steps."""

from dataclasses import replace
from typing import Any

from sluice.manifest import Manifest
from sluice.report import run_page
from sluice.report.column_profile import Column
from sluice.report.run_page import ColumnsBefore, Part, Profiles

MANIFEST = Manifest(
    dataset="sales",
    contract_version=1,
    engine="polars",
    run_id="sales-1",
    source_key="a.csv",
    source_version="v1",
    rows_in=100,
    published=100,
    quarantined=0,
    discarded={},
    reasons={},
    partitions=[],
    files=[],
    quarantine_files=[],
    schema=[],
    quarantine_schema=[],
    partition_columns=[],
    statistics={},
    bytes_in=1,
    bytes_out=1,
    seconds=1.0,
    peak_rss_bytes=1,
)


def column(name: str = "amount", **more: Any) -> Column:
    return Column(**{"name": name, "kind": "number", "rows": 100, "nulls": 0, "distinct": 90, "middle": 5.0, **more})


def before(*columns: Column, version: int = 1) -> ColumnsBefore:
    return ColumnsBefore(version, [each.to_dict() for each in columns])


def columns(now: list[Column], earlier: list[ColumnsBefore], version: int = 1) -> dict[str, dict[str, Any]]:
    """The columns of a page, in its order, of a run under this version of the contract."""
    manifest = replace(MANIFEST, contract_version=version)
    part = Part("s3://raw/a.csv", "v1", {}, manifest)
    shown = run_page.facts("sales-1", "sales", [part], Profiles(now, 100), columns_before=earlier)
    return {each["name"]: each for each in shown["columns"]}


def test_an_identifier_that_grows_is_no_drift_and_a_measure_is():
    earlier = [before(column("order"), column("amount")) for _ in range(6)]
    far = {"middle": 9_000.0}
    found = columns([column("order", identifier=True, **far), column("amount", **far)], earlier)
    assert (found["order"]["changed"], found["amount"]["changed"]) == (False, True)


def test_missing_values_of_an_identifier_are_judged():
    earlier = [before(column("order")) for _ in range(6)]
    assert columns([column("order", identifier=True, nulls=60)], earlier)["order"]["changed"]


def test_a_share_that_differs_no_more_than_by_chance_is_no_change():
    earlier = [before(column(nulls=nulls)) for nulls in (10, 10, 11, 10, 10, 10)]
    assert not columns([column(nulls=16)], earlier)["amount"]["changed"]
    many = [before(column(rows=10_000, nulls=nulls)) for nulls in (1_000, 1_000, 1_100, 1_000, 1_000, 1_000)]
    assert columns([column(rows=10_000, nulls=1_600)], many)["amount"]["changed"]


def test_changed_and_new_columns_come_first_and_the_others_keep_their_order():
    earlier = [before(column("a"), column("b"), column("c")) for _ in range(6)]
    now = [column("a"), column("b"), column("c", middle=9_000.0), column("d")]
    assert [*columns(now, earlier)] == ["c", "d", "a", "b"]
    assert columns(now, earlier)["d"]["is_new"]


def test_the_trend_of_a_column_has_the_runs_that_had_it_and_marks_new_contract_versions():
    earlier = [
        before(column("other"), version=1),
        before(column(nulls=10, distinct=80), version=1),
        before(column(nulls=20, distinct=70), version=2),
    ]
    trend = columns([column(nulls=50, distinct=9)], earlier, version=2)["amount"]["trend"]
    assert trend == {"nulls": [10, 20, 50], "distinct": [80, 70, 9], "versions": {"1": "2"}}


def entry(received: int, claimed: int, published: int) -> dict[str, Any]:
    times = {"received_at": received, "claimed_at": claimed, "published_at": published}
    return {
        **{name: f"2025-03-05T10:00:{second:02}+00:00" for name, second in times.items()},
        "status": "PUBLISHED",
        "run_id": "sales-1",
        "source": "s3://raw/a.csv",
        "source_id": "a",
    }


def test_the_steps_of_a_file_follow_each_other_from_its_upload_to_the_table():
    manifest = replace(MANIFEST, seconds=3.0)
    early, late = entry(0, 2, 9), entry(4, 4, 10) | {"source": "s3://raw/b.csv", "source_id": "b"}
    parts = [Part(str(each["source"]), "v1", each, manifest) for each in (early, late)]
    found = run_page.facts("sales-1", "sales", parts, Profiles([], 0))["timeline"]
    assert (found["seconds"], [file["source"] for file in found["files"]]) == (10, ["s3://raw/a.csv", "s3://raw/b.csv"])
    assert [[(step["start"], step["seconds"]) for step in file["steps"]] for file in found["files"]] == [
        [(0, 2), (2, 3), (5, 4)],
        [(4, 0), (4, 3), (7, 3)],
    ]
