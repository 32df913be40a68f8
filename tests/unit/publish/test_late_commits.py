"""A commit, or an undo of one, that goes on after its run has ended changes nothing in an Iceberg table."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from sluice.errors import LeaseLost, SluiceError
from sluice.publish.iceberg import table as tables
from tests.unit.cloud import Cloud
from tests.unit.faults import Died, dying
from tests.unit.handlers.test_commit import (
    FORMER,
    KEY,
    NEWER,
    NEWEST,
    move,
    seen,
    take_over,
)
from tests.unit.moments import this_moment
from tests.unit.sales_rows import as_csv
from tests.unit.stalls import stalled
from tests.unit.two_versions import ERROR, FIRST, SECOND, THIRD, fail, published_then_changed

pytestmark = pytest.mark.usefixtures("iceberg")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAUSE", 0)


def every_stall(cloud: Cloud, state: str, task: dict[str, Any], meanwhile: Callable[[], object]) -> Iterator[str]:
    """Let a state stall at each of its changes while something else happens, and then go on. Yields the call."""
    back = this_moment()
    for at in count(1):
        back()
        with stalled(cloud.module(state), at=at, meanwhile=meanwhile) as calls, suppress(SluiceError):
            cloud.invoke(state, task)
        if len(calls) < at:
            assert at > 3, "too few calls to be true"
            return
        yield f"call {at}, {calls[at - 1]}"


def committing(cloud: Cloud, until: str = "publish") -> tuple[Any, dict[str, Any]]:
    _, second = published_then_changed(cloud, KEY, until=until)
    task = cloud.task(second)
    return second, {**task, "sources": [task["source"]], "error": ERROR}


def test_a_commit_after_the_undo_of_its_run_is_refused(cloud: Cloud):
    second, task = committing(cloud)
    manifest = this_moment()
    fail(cloud, second)
    with pytest.raises(SluiceError):
        cloud.invoke("commit", task)
    assert seen(cloud, second) == FORMER
    manifest()
    cloud.ledger.begin_undoing(second, run_id=task["run_id"])
    with pytest.raises(LeaseLost):
        cloud.invoke("commit", task)
    assert seen(cloud, second) == FORMER


def test_a_commit_that_stalls_until_its_run_is_undone_is_refused(cloud: Cloud):
    second, task = committing(cloud)
    for call in every_stall(cloud, "commit", task, lambda: fail(cloud, second)):
        assert seen(cloud, second) == FORMER, call


def test_a_commit_of_a_first_version_that_stalls_until_its_run_is_undone_is_refused(cloud: Cloud):
    cloud.run(cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01"))
    first = cloud.put(KEY, FIRST, "01")
    cloud.run(first, until="publish")
    task = cloud.task(first)
    commit = {**task, "sources": [task["source"]]}
    for call in every_stall(cloud, "commit", commit, lambda: fail(cloud, first)):
        assert seen(cloud, first) == [], call


def next_version(cloud: Cloud) -> None:
    take_over(cloud, cloud.put(KEY, THIRD, "03"), until="remove_replaced")


def test_a_commit_that_stalls_until_the_next_version_is_published_is_refused(cloud: Cloud):
    second, task = committing(cloud)
    for call in every_stall(cloud, "commit", task, lambda: next_version(cloud)):
        assert seen(cloud, second) == NEWEST, call


def test_a_commit_that_stalls_until_the_key_has_no_rows_any_more_is_refused(cloud: Cloud):
    """The next version has no rows, and the key had none before: its run has no file to add or to take out."""
    other = cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01")
    cloud.run(other)
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="publish")
    task = cloud.task(second)

    def retract() -> None:
        take_over(cloud, cloud.put(KEY, as_csv(), "03"), until="remove_replaced")

    for call in every_stall(cloud, "commit", {**task, "sources": [task["source"]]}, retract):
        assert seen(cloud, second) == [], call


def test_a_commit_that_stalls_until_the_key_has_moved_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    """In the table that the key has left its rows never were: there is nothing to take out."""
    cloud.run(cloud.put("sales/S002/2025-03-05.csv", as_csv({"store_id": "S002"}), "01"))
    first = cloud.put(KEY, FIRST, "01")
    cloud.run(first, until="publish")
    task = cloud.task(first)
    move(monkeypatch, "moved")

    for call in every_stall(cloud, "commit", {**task, "sources": [task["source"]]}, lambda: next_version(cloud)):
        assert (seen(cloud, first), seen(cloud, first, "moved")) == ([], NEWEST), call


def test_an_undo_that_stalls_until_the_next_version_is_published_changes_nothing(cloud: Cloud):
    second, task = committing(cloud, "commit")

    def fail_and_go_on() -> None:
        fail(cloud, second)
        next_version(cloud)

    undo = cloud.module("undo")
    back = this_moment()
    for at in count(1):
        back()
        cloud.handlers["undo"] = undo
        with stalled(undo, at=at, meanwhile=lambda: _as_another(cloud, fail_and_go_on)) as calls, suppress(SluiceError):
            cloud.invoke("undo", task)
        if len(calls) < at:
            assert at > 3
            return
        assert seen(cloud, second) == NEWEST, f"call {at}, {calls[at - 1]}"


def _as_another(cloud: Cloud, meanwhile: Callable[[], None]) -> None:
    """Let something happen in invocations of other processes."""
    kept, cloud.handlers = cloud.handlers, {}
    meanwhile()
    cloud.handlers = kept


def test_a_removal_that_stalls_until_the_key_is_back_leaves_its_new_rows(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    cloud.run(cloud.put(KEY, FIRST, "01"))
    move(monkeypatch, "moved")
    second = cloud.put(KEY, SECOND, "02")
    cloud.run(second, until="complete")
    removal = cloud.module("remove_replaced")
    back = this_moment()
    for at in count(1):
        back()
        move(monkeypatch, "moved")

        def return_(cloud: Cloud = cloud) -> None:
            move(monkeypatch, "sales")
            third = cloud.put(KEY, THIRD, "03")
            cloud.run(third, until="complete")

        cloud.handlers["remove_replaced"] = removal
        with stalled(removal, at=at, meanwhile=return_) as calls, suppress(SluiceError):
            cloud.step("remove_replaced", second)
        if len(calls) < at:
            assert at > 3
            return
        assert seen(cloud, second) == NEWEST, f"call {at}, {calls[at - 1]}"
        cloud.step("remove_replaced", second)
        assert (seen(cloud, second), seen(cloud, second, "moved")) == (NEWEST, []), f"call {at}, {calls[at - 1]}"


def deaths(cloud: Cloud, state: str, task: dict[str, Any]) -> Iterator[str]:
    """From this moment on, and from it again, the state has died after each of its changes."""
    back = this_moment()
    for after in count(1):
        back()
        with dying(cloud.module(state), after=after):
            try:
                cloud.invoke(state, task)
            except Died as died:
                yield f"call {after}, {died}"
            else:
                assert after > 3, "too few changes to be true"
                return


def test_a_commit_dies_at_any_call_and_is_undone(cloud: Cloud):
    second, task = committing(cloud)
    for call in deaths(cloud, "commit", task):
        fail(cloud, second)
        assert seen(cloud, second) == FORMER, call


def test_a_commit_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    second, task = committing(cloud)
    for call in deaths(cloud, "commit", task):
        for state in ("commit", "complete", "remove_replaced"):
            cloud.step(state, second)
        assert seen(cloud, second) == NEWER, call


def test_an_undo_dies_at_any_call_and_is_tried_again(cloud: Cloud):
    second, task = committing(cloud, "commit")
    for call in deaths(cloud, "undo", task):
        fail(cloud, second)
        assert seen(cloud, second) == FORMER, call
        assert cloud.ledger.entry(second)["status"] == "FAILED"
