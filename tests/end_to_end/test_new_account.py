"""A burst in a new account, which may run few functions at a time, ends green (`make chaos`: 300 files at 10)."""

from collections.abc import Iterator

import pytest

from local import LocalAWS, faults
from tests.chaos.campaign import UNHELPED
from tests.chaos.scenarios import many_files_at_once, play
from tests.chaos.world import World

LIMIT, FILES = 3, 15
THROTTLED = 429


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with LocalAWS(wait_scale=0.1, concurrency=LIMIT) as aws:
        yield World.create(aws, ValidationConcurrency="2")


def test_a_burst_above_the_account_s_concurrency_is_published_without_help(world: World) -> None:
    outcome = play(world, many_files_at_once(FILES))
    throttled = [call for call in faults.calls(world.aws) if call.status == THROTTLED]
    assert outcome.problems == []
    assert outcome.survived == UNHELPED
    assert len(throttled) > FILES
    assert {call.role for call in throttled} == {world.role("EtlStateMachineRole")}
