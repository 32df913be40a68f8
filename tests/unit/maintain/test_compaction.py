import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from sluice.errors import LeaseLost, RowsLost, TableDisagrees
from sluice.maintain.merge import merge
from sluice.publish.iceberg import compaction
from sluice.publish.iceberg import table as tables
from sluice.publish.iceberg.commit import swap
from sluice.publish.iceberg.data_files import sources_of
from sluice.publish.lake import Lake, LakeManifest, Written
from tests.unit.cloud import LAKE, Cloud
from tests.unit.maintain.compacted import NAMES, commit, compacted, delete, files, march, quantities
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, rows, snapshots, source, table

NUMBERED = replace(SALES, schema=[*SALES.schema, {"name": "_row_number", "type": "bigint"}])


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAUSE", 0)


@pytest.fixture
def sales(cloud: Cloud) -> Cloud:
    """Six sources of March: a has the quantities 1 and 10, b 2 and 20, and so on."""
    ensure(*lake_of(cloud), "sales", SALES)
    commit(cloud, *(march(cloud, name, "run-1", n, 10 * n) for n, name in enumerate(NAMES, 1)))
    return cloud


def test_the_small_files_of_a_closed_partition_become_one_with_the_same_rows(sales: Cloud):
    before = quantities(sales)
    (done,) = compacted(sales)
    assert (done.partition, done.files, done.files_after, done.rows) == ("month=2025-03", 6, 1, 12)
    assert quantities(sales) == before
    (name,) = files(sales)
    assert name.startswith("compacted-")
    assert rows(sales, "month") == [("2025-03",)] * 12
    (file,) = (task.file for task in table(sales).scan().plan_files())
    assert sources_of(table(sales), file) == (source("a"), source("f"))
    assert snapshots(sales)[-1]["sluice.compacted-files"] == "6"


@pytest.mark.parametrize("segments_at_once", [256, 1])
def test_rows_are_in_the_order_of_sources_and_their_row_numbers(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, segments_at_once: int
):
    """Also when a compacted file is compacted again, with sources between its own."""
    monkeypatch.setattr("sluice.maintain.merge._BATCH_SEGMENTS", segments_at_once)
    ensure(*lake_of(cloud), "sales", NUMBERED)
    numbered = [{"item": "tea", "quantity": n, "_row_number": n} for n in (3, 1, 2)]
    for run_id, names in {"run-1": "xhfdb", "run-2": "ageci"}.items():
        made = [publish_files(cloud, name, run_id, {"month=2025-03": numbered}) for name in names]
        commit(cloud, *made, run_id=run_id)
        compacted(cloud)
    (file,) = (task.file for task in table(cloud).scan().plan_files())
    body = cloud.s3.get_object(Bucket=LAKE, Key=file.file_path.removeprefix(f"s3://{LAKE}/"))["Body"].read()
    written = pl.read_parquet(io.BytesIO(body))
    assert written.select("_source_key", "_row_number").rows() == [
        (source(name), number) for name in "abcdefghix" for number in (1, 2, 3)
    ]


def test_a_plan_changes_nothing(sales: Cloud):
    before = table(sales).metadata_location
    (planned,) = compacted(sales, writes=None)
    assert (planned.files, planned.files_after, planned.bytes_after, planned.outcome) == (6, 1, None, "planned")
    assert table(sales).metadata_location == before


def test_compaction_is_not_repeated(sales: Cloud):
    compacted(sales)
    assert compacted(sales, days=9) == []


def test_a_partition_with_a_young_file_stays(sales: Cloud):
    assert compacted(sales, days=0.9) == []


def test_a_partition_with_few_files_stays(cloud: Cloud):
    ensure(*lake_of(cloud), "sales", SALES)
    commit(cloud, *(march(cloud, name, "run-1", 1) for name in "abcd"))
    assert compacted(cloud) == []


def test_only_the_partition_that_was_asked_for_is_compacted(sales: Cloud):
    commit(sales, *(march(sales, f"{name}2", "run-2", 7, month="2025-04") for name in NAMES), run_id="run-2")
    (done,) = compacted(sales, partition="month=2025-04")
    assert (done.partition, len(files(sales))) == ("month=2025-04", 7)


def test_a_large_partition_becomes_several_files_of_separate_sources(sales: Cloud, monkeypatch: pytest.MonkeyPatch):
    before = quantities(sales)
    size = sum(task.file.file_size_in_bytes for task in table(sales).scan().plan_files())
    monkeypatch.setattr(compaction, "LARGE_BYTES", size // 3 + 1)
    (done,) = compacted(sales)
    assert done.files_after == 3
    spans = sorted(sources_of(table(sales), task.file) for task in table(sales).scan().plan_files())
    assert spans == [(source(first), source(last)) for first, last in ("ab", "cd", "ef")]
    assert quantities(sales) == before


def test_without_time_for_all_files_what_is_written_is_committed(sales: Cloud, monkeypatch: pytest.MonkeyPatch):
    before = quantities(sales)
    monkeypatch.setattr(compaction, "LARGE_BYTES", 3_000)
    answers = iter([True, False])
    (done,) = compacted(sales, may_go_on=lambda: next(answers))
    assert done.outcome == "compacted"
    assert quantities(sales) == before
    assert sum(name.startswith("compacted-") for name in files(sales)) == 1


def test_files_of_former_columns_are_merged_in_the_columns_of_now(cloud: Cloud):
    ensure(*lake_of(cloud), "sales", replace(SALES, schema=[{"name": "amount", "type": "int"}, *SALES.schema]))
    old = [
        pl.DataFrame({"amount": [n], "item": ["tea"], "quantity": [n]}, schema_overrides={"amount": pl.Int32})
        for n in range(4)
    ]
    commit(cloud, *(publish_files(cloud, f"old-{n}", "run-1", {"month=2025-03": each}) for n, each in enumerate(old)))
    now = replace(
        SALES,
        contract_version=2,
        schema=[{"name": "total", "type": "bigint"}, {"name": "note", "type": "string"}, *SALES.schema[1:]],
    )
    ensure(*lake_of(cloud), "sales", replace(now, aliases={"amount": "total"}))
    new = [{"total": 7, "note": "new", "quantity": 7}]
    commit(cloud, *(publish_files(cloud, f"new-{n}", "run-2", {"month=2025-03": new}, now) for n in range(2)))
    before = rows(cloud, "total", "note", "quantity")
    compacted(cloud)
    assert len(files(cloud)) == 1
    assert rows(cloud, "total", "note", "quantity") == before
    assert before[-1] == (7, "new", 7)


def test_a_file_with_other_rows_than_before_is_not_committed(sales: Cloud):
    before = quantities(sales)

    def lossy(lake: Lake, segments: Sequence[Any], columns: Any, key: str) -> Written | None:
        return merge(lake, segments[1:], columns, key)

    with pytest.raises(RowsLost, match=r"0 rows of s3://acme-sales-raw/sales/a.csv, and not 2"):
        compacted(sales, writes=lossy)
    assert quantities(sales) == before
    assert len(files(sales)) == 6


def test_a_commit_that_comes_between_wins(sales: Cloud):
    def overtaken(*of: Any) -> Written | None:
        commit(sales, march(sales, "b", "run-2", 5), run_id="run-2")
        return merge(*of)

    (done,) = compacted(sales, writes=overtaken)
    assert done.outcome == "overtaken"
    assert (5, source("b"), "run-2") in quantities(sales)
    assert len(quantities(sales)) == 11


def test_a_commit_of_another_source_does_not_hinder(sales: Cloud):
    def meanwhile(*of: Any) -> Written | None:
        commit(sales, march(sales, "other", "run-2", 5), run_id="run-2")
        return merge(*of)

    (done,) = compacted(sales, writes=meanwhile)
    assert done.outcome == "compacted"
    assert len(files(sales)) == 2
    assert len(quantities(sales)) == 13


def test_a_correction_replaces_exactly_the_rows_of_its_source(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    result = commit(sales, march(sales, "c", "run-2", 4, 5, 6), run_id="run-2")
    assert (result.added, result.removed) == (2, 1)
    expected = [row for row in before if row[1] != source("c")] + [(n, source("c"), "run-2") for n in (4, 5, 6)]
    assert quantities(sales) == sorted(expected, key=repr)


def test_a_retraction_takes_out_exactly_the_rows_of_its_source(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    commit(sales, without=("c", "a"))
    assert quantities(sales) == [row for row in before if row[1] not in (source("c"), source("a"))]


def test_of_a_shared_file_without_sources_nothing_is_left(sales: Cloud):
    compacted(sales)
    commit(sales, without=tuple(NAMES))
    assert files(sales) == []


def test_a_commit_that_is_repeated_after_compaction_doubles_nothing(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    assert commit(sales, *(march(sales, name, "run-1", n, 10 * n) for n, name in enumerate(NAMES, 1))).added == 0
    assert quantities(sales) == before


def test_an_undo_that_finds_the_former_rows_compacted_leaves_them(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    commit(sales, march(sales, "c", "run-1", 3, 30), run_id="run-2", always=True)
    assert quantities(sales) == before
    assert len(files(sales)) == 1


@pytest.mark.parametrize("compacted_again", [False, True])
def test_an_undo_brings_back_the_former_rows_when_their_own_files_are_deleted(sales: Cloud, compacted_again: bool):
    before = quantities(sales)
    former = march(sales, "c", "run-1", 3, 30)
    compacted(sales)
    delete(sales, former)
    commit(sales, march(sales, "c", "run-2", 4), run_id="run-2")
    commit(sales, march(sales, "d", "run-3", 8), run_id="run-3")
    if compacted_again:
        commit(sales, *(march(sales, f"g{n}", "run-4", 9) for n in range(4)), run_id="run-4")
        compacted(sales, days=4)
    commit(sales, former, run_id="run-2", always=True)
    assert [row for row in quantities(sales) if row[1] == source("c")] == [
        (3, source("c"), "run-1"),
        (30, source("c"), "run-1"),
    ]
    assert [row for row in quantities(sales) if row[1] == source("d")] == [(8, source("d"), "run-3")]
    others = (source("c"), source("d"))
    assert [row for row in before if row[1] not in others] == [
        row for row in quantities(sales) if row[1] not in others and "/g" not in row[1]
    ]
    commit(sales, march(sales, "c", "run-5", 6), run_id="run-5")
    assert [row for row in quantities(sales) if row[1] == source("c")] == [(6, source("c"), "run-5")]


def test_former_rows_that_are_nowhere_are_an_error(sales: Cloud):
    former = march(sales, "z", "run-0", 3)
    delete(sales, former)
    with pytest.raises(TableDisagrees, match="sluice replay publishes its source again"):
        commit(sales, former, run_id="run-2", always=True)


def test_a_late_commit_after_compaction_and_undo_is_refused(sales: Cloud):
    before = quantities(sales)
    former = march(sales, "c", "run-1", 3, 30)
    asked = []

    def allowed() -> None:
        if asked:
            raise LeaseLost("run-2")
        asked.append("run-2")
        compacted(sales)
        commit(sales, former, run_id="run-2", always=True)

    with pytest.raises(LeaseLost):
        commit(sales, march(sales, "c", "run-2", 4), run_id="run-2", allowed=allowed)
    assert quantities(sales) == before


def test_a_rewrite_that_loses_rows_of_others_is_not_committed(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    lake, catalog = lake_of(sales)

    def lossy(*_: Any, **__: Any) -> Written:
        return Written(1, {source("a"): 1}, ("run-1", "run-1"))

    wanted: dict[str, LakeManifest | None] = {source("c"): None}
    with pytest.raises(RowsLost, match="nothing is committed"):
        swap(replace(lake, rewrite=lossy), catalog, "sales", wanted, run_id="run-2", allowed=lambda: None)
    assert quantities(sales) == before


def killed_at(number: int) -> Callable[..., Any]:
    calls = iter(range(1_000))

    def put(function: Callable[..., Any], *of: Any, **how: Any) -> Any:
        if next(calls) == number:
            raise KeyboardInterrupt
        return function(*of, **how)

    return put


@pytest.mark.parametrize("step", range(8))
def test_a_compaction_that_is_killed_at_any_write_loses_no_row(
    sales: Cloud, monkeypatch: pytest.MonkeyPatch, step: int
):
    before = quantities(sales)
    put, update, kill = sales.s3.put_object, sales.glue.update_table, killed_at(step)
    with monkeypatch.context() as patch:
        patch.setattr(sales.s3, "put_object", lambda **how: kill(put, **how))
        patch.setattr(sales.glue, "update_table", lambda **how: kill(update, **how))
        try:
            compacted(sales)
        except KeyboardInterrupt:
            assert quantities(sales) == before
            assert len(files(sales)) == 6
        else:
            assert step > 5
    compacted(sales)
    assert quantities(sales) == before
    assert len(files(sales)) == 1
