"""An Iceberg table shows, of each key, the rows of its newest published version and never those of two."""

from dataclasses import replace

import pytest

from sluice.aws.object_version import ObjectVersion
from sluice.contract import registry
from sluice.errors import LeaseLost
from tests.unit.cloud import STATES, Cloud
from tests.unit.sales_rows import as_csv
from tests.unit.two_versions import FIRST, SECOND, THIRD, fail, later, published_then_changed, rows

KEY = "sales/S001/2025-03-05.csv"
FORMER = [("2025-03", 7), ("2025-04", 1)]
NEWER = [("2025-03", 6), ("2025-04", 1), ("2025-05", 2)]
NEWEST = [("2025-03", 6), ("2025-05", 1)]

pytestmark = pytest.mark.usefixtures("iceberg")


def seen(cloud: Cloud, source: ObjectVersion, dataset: str = "sales") -> list[tuple[str, int]]:
    """(month, rows) of one key, as readers see them."""
    return [(month, number) for month, _, number in rows(cloud, source, dataset)]


def take_over(cloud: Cloud, source: ObjectVersion, *, until: str) -> None:
    """The run of the next version of a key, after the run before has died and its lease has ended."""
    cloud.validate(source)
    run = cloud.task(source)["run_id"]
    assert later(cloud).claim(source, run_id=run, lease_seconds=100, engine="polars")
    for state in STATES[1 : STATES.index(until) + 1]:
        cloud.step(state, source)


def test_readers_see_a_version_once_it_is_committed_and_not_before(cloud: Cloud):
    cloud.run(cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01"))
    first = cloud.put(KEY, FIRST, "01")
    cloud.run(first, until="publish")
    assert seen(cloud, first) == []
    assert cloud.step("commit", first) == {"added": 2, "removed": 0}
    assert seen(cloud, first) == FORMER


def test_a_correction_replaces_exactly_the_rows_of_its_key(cloud: Cloud):
    other = cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01")
    cloud.run(other)
    _, second = published_then_changed(cloud, KEY, until="publish")
    assert seen(cloud, second) == FORMER
    assert cloud.step("commit", second) == {"added": 3, "removed": 2}
    assert seen(cloud, second) == NEWER
    assert seen(cloud, other) == [("2025-03", 1)]


def test_the_undo_of_a_committed_first_version_leaves_no_row(cloud: Cloud):
    first = cloud.put(KEY, FIRST, "01")
    cloud.run(first, until="commit")
    fail(cloud, first)
    assert seen(cloud, first) == []


@pytest.mark.parametrize("until", ["publish", "commit"])
def test_the_undo_of_a_second_version_shows_the_rows_of_the_first_one(cloud: Cloud, until: str):
    _, second = published_then_changed(cloud, KEY, until=until)
    fail(cloud, second)
    assert seen(cloud, second) == FORMER
    assert cloud.ledger.entry(second)["status"] == "FAILED"


def test_a_version_without_rows_leaves_none_in_the_table(cloud: Cloud):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    empty = cloud.put(KEY, as_csv(), "02")
    cloud.run(empty)
    assert seen(cloud, empty) == []
    assert cloud.invoke("verify", cloud.event_of("verify")) == {"differences": {}}


def test_a_run_commits_nothing_when_it_has_lost_one_of_its_sources(cloud: Cloud):
    sources = [cloud.put(f"sales/S00{shop}/2025-03-05.csv", as_csv({"store_id": f"S00{shop}"})) for shop in (1, 2)]
    for source in sources:
        cloud.validate(source)
    run = {"run_id": "sales-00000000000000000000000000000000", "dataset": "sales"}
    for source in sources:
        for state in ("claim", "clean", "reconcile", "publish"):
            cloud.invoke(state, {**run, "source": source.to_dict()})
    take_over(cloud, cloud.put(sources[1].key, as_csv({"store_id": "S002"}), "02"), until="clean")

    with pytest.raises(LeaseLost):
        cloud.invoke("commit", {**run, "sources": [each.to_dict() for each in sources]})
    assert [seen(cloud, source) for source in sources] == [[], []]
    cloud.invoke("commit", {**run, "sources": [sources[0].to_dict()]})
    assert [seen(cloud, source) for source in sources] == [[("2025-03", 1)], []]


def test_replaced_objects_stay_for_older_snapshots_but_not_in_quarantine(cloud: Cloud):
    second = cloud.put(KEY, SECOND, "01")
    cloud.run(second)
    data, quarantine = set(cloud.lake("published/sales/")), cloud.lake("quarantine/sales/")
    assert len(quarantine) == 1
    cloud.run(cloud.put(KEY, THIRD, "02"))
    assert data < set(cloud.lake("published/sales/"))
    assert cloud.lake("quarantine/sales/") == []


def test_every_step_may_be_repeated(cloud: Cloud):
    first, second = cloud.put(KEY, FIRST, "01"), None
    for source, rows_then in ((first, FORMER), (second, NEWER)):
        source = source or cloud.put(KEY, SECOND, "02")
        cloud.validate(source)
        for state in STATES:
            cloud.step(state, source)
            cloud.step(state, source)
        assert seen(cloud, source) == rows_then
    third = cloud.put(KEY, THIRD, "03")
    cloud.run(third, until="commit")
    fail(cloud, third)
    fail(cloud, third)
    assert seen(cloud, third) == NEWER


def test_a_redriven_version_is_committed_after_its_first_run_was_undone(cloud: Cloud):
    _, second = published_then_changed(cloud, KEY, until="commit")
    fail(cloud, second)
    cloud.ledger.reopen(second)
    cloud.ledger.assign(second, run_id="sales-00000000000000000000000000000000-2")
    for state in STATES:
        cloud.step(state, second)
    assert seen(cloud, second) == NEWER


@pytest.mark.parametrize("ends", ["remove_replaced", "undo"])
def test_what_a_dead_run_has_committed_is_gone_once_the_next_run_has_ended(cloud: Cloud, ends: str):
    published_then_changed(cloud, KEY, until="commit")
    third = cloud.put(KEY, THIRD, "03")
    if ends == "undo":
        take_over(cloud, third, until="clean")
        fail(cloud, third)
    else:
        take_over(cloud, third, until=ends)
    assert seen(cloud, third) == (FORMER if ends == "undo" else NEWEST)


def move(monkeypatch: pytest.MonkeyPatch, dataset: str) -> None:
    """From here on keys belong to a dataset, and no longer to another one."""
    here = registry.load("sales")
    elsewhere = ("elsewhere/{store_id}/{date:%Y-%m-%d}.csv",)
    keys = ("sales/{store_id}/{date:%Y-%m-%d}.csv",)
    for name in ("sales", "moved"):
        moved = replace(here, name=name, files=keys if name == dataset else elsewhere)
        monkeypatch.setitem(registry.contracts(), name, moved)


def test_a_key_that_moves_to_another_dataset_and_back_is_in_one_table_alone(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    move(monkeypatch, "moved")
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second)
    assert (seen(cloud, second), seen(cloud, second, "moved")) == ([], NEWER)
    move(monkeypatch, "sales")
    cloud.run(cloud.put(KEY, THIRD, "03"))
    assert (seen(cloud, second), seen(cloud, second, "moved")) == (NEWEST, [])


def test_the_undo_of_a_move_leaves_the_rows_where_they_were(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    move(monkeypatch, "moved")
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="commit")
    fail(cloud, second)
    assert (seen(cloud, second), seen(cloud, second, "moved")) == (FORMER, [])


def test_a_key_that_is_back_before_its_old_rows_were_removed_keeps_its_new_ones(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    move(monkeypatch, "moved")
    cloud.run(cloud.put(KEY, SECOND, "02"), until="complete")
    move(monkeypatch, "sales")
    third = cloud.put(KEY, THIRD, "03")
    cloud.run(third)
    assert (seen(cloud, third), seen(cloud, third, "moved")) == (NEWEST, [])
