"""Maintain compacts the Iceberg tables on its schedule, as far as its time suffices."""

import time
from types import SimpleNamespace

import pytest

from tests.unit.cloud import Cloud
from tests.unit.maintain.compacted import DAY, NAMES, commit, files, march, quantities
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of


@pytest.fixture
def sales(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A table whose files are two days old."""
    ensure(*lake_of(cloud), "sales", SALES)
    commit(cloud, *(march(cloud, name, "run-1", n) for n, name in enumerate(NAMES, 1)))
    clock = SimpleNamespace(time=lambda: time.time() + 2 * DAY)
    monkeypatch.setattr(cloud.module("maintain"), "time", clock)
    return cloud


def maintain(cloud: Cloud, seconds: int) -> dict[str, dict[str, int]]:
    context = SimpleNamespace(
        function_name="maintain",
        memory_limit_in_mb=1,
        invoked_function_arn="",
        aws_request_id="",
        get_remaining_time_in_millis=lambda: seconds * 1000,
    )
    answer: dict[str, dict[str, int]] = cloud.module("maintain").handler(cloud.event_of("maintain"), context)
    return answer


def test_small_files_of_a_closed_partition_are_merged(sales: Cloud):
    before = quantities(sales)
    assert maintain(sales, 900) == {"sales": {"snapshots": 0, "objects": 0, "partitions": 1}}
    assert quantities(sales) == before
    assert len(files(sales)) == 1


def test_without_time_nothing_is_merged(sales: Cloud):
    assert maintain(sales, 60) == {"sales": {"snapshots": 0, "objects": 0, "partitions": 0}}
    assert len(files(sales)) == 6
