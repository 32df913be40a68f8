from collections.abc import Callable
from typing import Any

import pytest

from sluice.errors import CommitConflict, LeaseLost, RowsLost, TableDisagrees
from sluice.publish.iceberg import table as tables
from sluice.publish.iceberg.commit import Commit, swap
from sluice.publish.lake import LakeManifest
from tests.unit.cloud import Cloud
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, publish_files, rows, snapshots, source, table


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAUSE", 0)


@pytest.fixture
def sales(cloud: Cloud) -> Cloud:
    ensure(*lake_of(cloud), "sales", SALES)
    return cloud


def commit(
    cloud: Cloud,
    *manifests: LakeManifest,
    run_id: str = "run-1",
    without: tuple[str, ...] = (),
    allowed: Callable[[], object] = lambda: None,
    always: bool = False,
) -> Commit:
    wanted: dict[str, LakeManifest | None] = {each.account.source_key: each for each in manifests}
    wanted |= dict.fromkeys(map(source, without))
    return swap(*lake_of(cloud), "sales", wanted, run_id=run_id, allowed=allowed, always=always)


def march(cloud: Cloud, name: str, run_id: str, *quantities: int) -> LakeManifest:
    return publish_files(
        cloud, name, run_id, {"month=2025-03": [{"item": "tea", "quantity": each} for each in quantities]}
    )


def quantities(cloud: Cloud) -> list[tuple[Any, ...]]:
    return rows(cloud, "quantity", "_source_key")


def test_a_run_s_files_are_in_the_table_with_the_values_of_their_partitions(sales: Cloud):
    manifest = publish_files(
        sales,
        "a",
        "run-1",
        {"month=2025-03": [{"item": "tea", "quantity": 1}], "month=2025-04": [{"item": "nuts", "quantity": 2}]},
    )
    result = commit(sales, manifest, march(sales, "b", "run-1", 3))
    assert (result.added, result.removed, result.attempts) == (3, 0, 1)
    assert rows(sales, "item", "quantity", "month") == [
        ("nuts", 2, "2025-04"),
        ("tea", 1, "2025-03"),
        ("tea", 3, "2025-03"),
    ]
    (summary,) = snapshots(sales)
    assert (summary["sluice.run-id"], summary["sluice.sources"], summary["added-records"]) == ("run-1", "2", "3")


def test_a_newer_version_replaces_its_source_s_rows_in_one_snapshot(sales: Cloud):
    commit(sales, march(sales, "a", "run-1", 1, 1), march(sales, "b", "run-1", 5))
    result = commit(sales, march(sales, "a", "run-2", 2), run_id="run-2")
    assert (result.added, result.removed) == (1, 1)
    assert quantities(sales) == [(2, source("a")), (5, source("b"))]
    assert len(snapshots(sales)) == 2
    assert (snapshots(sales)[1]["deleted-records"], snapshots(sales)[1]["total-records"]) == ("2", "2")


def test_a_source_without_a_wanted_manifest_has_no_rows_afterwards(sales: Cloud):
    commit(sales, march(sales, "a", "run-1", 1), march(sales, "b", "run-1", 5))
    commit(sales, without=("a",))
    assert quantities(sales) == [(5, source("b"))]
    commit(sales, without=("b",))
    assert quantities(sales) == []


def test_a_commit_that_is_repeated_changes_nothing(sales: Cloud):
    manifests = (march(sales, "a", "run-1", 1), march(sales, "b", "run-1", 2))
    commit(sales, *manifests)
    before = table(sales).metadata_location
    assert commit(sales, *manifests).added == 0
    assert table(sales).metadata_location == before


def test_a_commit_that_came_between_is_kept_and_the_ledger_asked_again(sales: Cloud):
    asked = []

    def allowed() -> None:
        asked.append("ledger")
        if len(asked) == 1:
            commit(sales, march(sales, "b", "run-2", 2), run_id="run-2")

    assert commit(sales, march(sales, "a", "run-1", 1), allowed=allowed).attempts == 2
    assert asked == ["ledger", "ledger"]
    assert quantities(sales) == [(1, source("a")), (2, source("b"))]


def test_a_commit_that_landed_without_an_answer_is_not_repeated(sales: Cloud, monkeypatch: pytest.MonkeyPatch):
    """botocore sends the call again; Glue refuses the second, since the first has changed the version."""
    update = sales.glue.update_table

    def twice(**arguments: Any) -> None:
        update(**arguments)
        update(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(sales.glue, "update_table", twice)
        result = commit(sales, march(sales, "a", "run-1", 1))
    assert (result.added, result.attempts) == (0, 2)
    assert quantities(sales) == [(1, source("a"))]
    assert len(snapshots(sales)) == 1


@pytest.mark.parametrize("landed_before", [False, True])
def test_a_late_commit_is_refused_after_the_undo(sales: Cloud, landed_before: bool):
    """The function has read the table's version and asked the ledger before the undo, and commits after it."""
    former = march(sales, "a", "run-1", 1)
    commit(sales, former)
    late = march(sales, "a", "run-2", 2)
    if landed_before:
        commit(sales, late, run_id="run-2")
        late = march(sales, "b", "run-2", 3)
    undone = []

    def allowed() -> None:
        if undone:
            raise LeaseLost("run-2")
        undone.append("run-2")
        commit(sales, former, run_id="run-2", without=("b",), always=True)

    with pytest.raises(LeaseLost):
        commit(sales, late, run_id="run-2", allowed=allowed)
    assert quantities(sales) == [(1, source("a"))]


def test_an_undo_before_the_ledger_is_asked_refuses_the_commit(sales: Cloud):
    def allowed() -> None:
        raise LeaseLost("run-2")

    with pytest.raises(LeaseLost):
        commit(sales, march(sales, "a", "run-2", 2), allowed=allowed)
    assert snapshots(sales) == []


def test_a_run_that_is_undone_twice_changes_the_table_twice(sales: Cloud):
    places = {table(sales).metadata_location}
    for _ in range(2):
        commit(sales, without=("a",), always=True)
        places.add(table(sales).metadata_location)
    assert len(places) == 3
    assert snapshots(sales) == []


def test_an_undo_without_a_table_does_nothing(cloud: Cloud):
    assert commit(cloud, without=("a",), always=True).added == 0


def test_a_table_that_never_rests_is_a_conflict(sales: Cloud):
    numbers = iter(range(100))

    def allowed() -> None:
        commit(sales, march(sales, f"other-{next(numbers)}", "run-2", 2), run_id="run-2")

    with pytest.raises(CommitConflict, match="8 commits to sales"):
        commit(sales, march(sales, "a", "run-1", 1), allowed=allowed)
    assert len(quantities(sales)) == 8


def test_files_of_others_are_skipped_by_their_bounds(sales: Cloud):
    commit(sales, *(march(sales, name, "run-1", 1) for name in "abc"))
    tasks = list(table(sales).scan(row_filter=f"_source_key = '{source('b')}'").plan_files())
    assert [task.file.record_count for task in tasks] == [1]
    assert list(table(sales).scan(row_filter="_run_id = 'run-2'").plan_files()) == []


@pytest.mark.parametrize("sources", [40, 20])
def test_manifests_stay_bounded(sales: Cloud, sources: int):
    """40 commits: each adds a source, or each of the last 20 replaces one."""
    for number in range(40):
        commit(sales, march(sales, f"source-{number % sources}", f"run-{number}", number), run_id=f"run-{number}")
    snapshot = table(sales).current_snapshot()
    assert len(snapshot.manifests(table(sales).io)) < 20
    expected = [(number, source(f"source-{number % sources}")) for number in range(40 - sources, 40)]
    assert quantities(sales) == sorted(expected, key=repr)


def test_a_snapshot_without_the_files_of_others_is_not_committed(sales: Cloud, monkeypatch: pytest.MonkeyPatch):
    commit(sales, march(sales, "a", "run-1", 1))
    commit(sales, march(sales, "b", "run-1", 5))
    with monkeypatch.context() as patch:
        patch.setattr("pyiceberg.table.update.snapshot._OverwriteFiles._existing_manifests", lambda _: [])
        with pytest.raises(RowsLost, match="nothing is committed"):
            commit(sales, march(sales, "a", "run-2", 2))
    assert quantities(sales) == [(1, source("a")), (5, source("b"))]


def test_a_file_with_rows_of_several_sources_is_refused_by_name(sales: Cloud, monkeypatch: pytest.MonkeyPatch):
    commit(sales, march(sales, "a", "run-1", 1))
    monkeypatch.setattr("sluice.publish.iceberg.changes.sources_of", lambda *_: (source("a"), source("c")))
    with pytest.raises(TableDisagrees, match="several sources"):
        commit(sales, march(sales, "a", "run-2", 2))
    monkeypatch.undo()
    assert quantities(sales) == [(1, source("a"))]


def test_a_run_of_many_sources_leaves_the_files_of_others(sales: Cloud):
    """pyiceberg skips no file by the bounds once more than 200 values are asked for."""
    commit(sales, march(sales, "other", "run-1", 5))
    commit(sales, march(sales, "a", "run-2", 1), run_id="run-2", without=tuple(f"none-{n}" for n in range(250)))
    assert quantities(sales) == [(1, source("a")), (5, source("other"))]
