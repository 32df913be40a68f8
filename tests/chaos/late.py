"""A publish that is given up for dead and goes on when the next version is long in the table."""

from collections.abc import Iterator, Sequence

from local import faults
from local.waiting import eventually
from tests.chaos.files import sales
from tests.chaos.scenarios import Scenario
from tests.chaos.world import World

_ROLE = "PublishRole"


def late_publishes() -> Iterator[Scenario]:
    """It stalls at its first copy, and where it registers the partitions."""
    yield _late("s3:PutObject", 2, "copies")  # the first one is its manifest
    yield _late("glue:BatchCreatePartition", 1, "registers")


def _late(action: str, nth: int, does: str) -> Scenario:
    def late(world: World) -> Sequence[str]:
        key = f"sales/L{does}/2025-03-05.csv"
        world.put(key, sales(700, store="L001"))
        world.settle()
        faults.inject(world.aws, action, role=f"*-{_ROLE}-*", nth=nth, how="stall")
        given_up = world.put(key, sales(705, store="L001"))
        eventually(lambda: faults.fired(world.aws), seconds=60)
        [run] = world.running()
        world.aws.client("stepfunctions").stop_execution(executionArn=world.execution_arn(run), cause="given up")
        world.put(key, sales(700, store="L001", rows=12))
        if hanging := world.settle():
            raise AssertionError(f"the next version waits for the late one: {hanging}")
        since = faults.calls(world.aws)[-1].number
        faults.clear(world.aws)
        world.wait_until_quiet(_ROLE, since=since)
        statuses = {item["version"]: item.get("status") for item in world.items([key])}
        if statuses[given_up.version_id] != "FAILED":
            raise AssertionError(f"the late version is {statuses[given_up.version_id]}")
        return [key]

    late.__doc__ = f"A publish given up for dead {does} when the next version is in the table."
    return late
