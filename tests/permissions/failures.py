"""Flows of a run that fails after it has published: what was there before it stands again."""

from collections.abc import Iterator
from contextlib import contextmanager

from local import faults
from tests.permissions.expectations import Wrong, fresh, published
from tests.permissions.world import World, guests


def undone(world: World) -> list[str]:
    """A run that fails after it has published leaves what was there before, and people are notified."""
    return _failing(world, "undone", machine_only=True)


def recovered(world: World) -> list[str]:
    """A run that fails, and whose undoing fails, is undone all the same."""
    return _failing(world, "recovered", machine_only=False)


def undone_new(world: World) -> list[str]:
    """A first file whose run fails after it has published leaves nothing."""
    return _failing(world, "undone-new", machine_only=True, new=True)


def recovered_new(world: World) -> list[str]:
    """A first file whose run fails, and whose undoing fails, leaves nothing all the same."""
    return _failing(world, "recovered-new", machine_only=False, new=True)


def late(world: World) -> list[str]:
    """A publish whose run is stopped and undone meanwhile removes what it writes after that."""
    return _late(world, nth=2, times=3)


def late_manifest(world: World) -> list[str]:
    """A publish that has not even begun when its run is stopped and undone leaves no manifest."""
    return _late(world, nth=1, times=1)


def _late(world: World, *, nth: int, times: int) -> list[str]:
    """Writes of Publish to the lake stall, from the `nth` on: the first is its manifest, the others are objects."""
    wrong = Wrong()
    before = _stand(world)
    key, month = fresh("late")
    faults.inject(world.aws, "s3:PutObject", role=world.role("PublishRole"), nth=nth, times=times, how="stall")
    try:
        version = world.put(key, guests({"arrival": f"{month}-01"}, {"arrival": "2025-03-05"}, {"nights": "0"}))
        if not wrong.expect(world.wait(lambda: faults.fired(world.aws) == times, bool), "its writes stall"):
            return wrong
        arn = world.execution_arn(world.entry(key, version)["run_id"])
        world.aws.client("stepfunctions").stop_execution(executionArn=arn)
        status = world.status(key, version, "FAILED", "PUBLISHED")
        wrong.expect(status == "FAILED", f"the ledger says FAILED ({status})")
        since = faults.calls(world.aws)[-1].number
    finally:
        faults.clear(world.aws)
    world.wait_until_quiet("PublishRole", since=since)
    left = _stand(world).keys() - before.keys()
    wrong.expect(not left, f"nothing of it is left: {left}")
    return wrong


def republished(world: World) -> list[str]:
    """A publish that fails after it has written its manifest is repeated."""
    wrong = Wrong()
    key, _ = fresh("republished")
    role = world.role("PublishRole")
    # Its second write to the ledger names the manifest; the machine repeats what the SDK does not.
    faults.inject(world.aws, "dynamodb:UpdateItem", role=role, nth=2, status=400, code="Struck")
    try:
        published(world, key, guests({"arrival": "2025-03-05"}), wrong)
        wrong.expect(faults.fired(world.aws) == 1, "the first publish failed")
    finally:
        faults.clear(world.aws)
    return wrong


def replaced(world: World) -> list[str]:
    """The rows that a run has replaced and cannot remove are removed all the same."""
    wrong = Wrong()
    key, _ = fresh("replaced")
    old = published(world, key, guests({"arrival": "2025-03-05"}, {"arrival": "2025-04-05"}), wrong)
    faults.inject(world.aws, "s3:*", role=world.stack.resources["RemoveReplacedRole"], times=100, status=403, code="No")
    try:
        version = world.put(key, guests({"arrival": "2025-03-06"}))
        status = world.status(key, version, "PUBLISHED", "FAILED", "REJECTED")
        wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})")
        run_id = world.entry(key, version).get("run_id", "")
        wrong.expect(world.execution(run_id) == "FAILED", "the run failed")
    finally:
        faults.clear(world.aws)
    rows = world.wait(lambda: world.rows(key), lambda rows: rows == 1)
    wrong.expect(rows == 1, f"consumers see the new row only ({rows})")
    tag = world.wait(lambda: world.tags(key, old).get("sluice:status"), lambda tag: tag == "REPLACED")
    wrong.expect(tag == "REPLACED", f"the old upload is tagged REPLACED ({tag})")
    return wrong


def _failing(world: World, kind: str, *, machine_only: bool, new: bool = False) -> list[str]:
    wrong = Wrong()
    key, _ = fresh(kind)
    old = guests({"arrival": "2025-03-05"}, {"arrival": "2025-04-05"}, {"nights": "0"})
    first = "" if new else published(world, key, old, wrong)
    if wrong:
        return wrong
    before = _stand(world)
    with broken(world, "athena:StartQueryExecution", role="EtlStateMachineRole"):
        for role in () if machine_only else ("UndoRole", "ReportRole"):
            faults.inject(world.aws, "s3:*", role=world.stack.resources[role], times=100, status=403, code="No")
        # A partition less and one more than before, none of them new to the catalog; and quarantined rows again.
        second = world.put(key, guests({"arrival": "2025-03-06"}, {"arrival": "2025-05-06"}, {"nights": "-1"}))
        status = world.status(key, second, "PUBLISHED", "FAILED", "REJECTED")
        wrong.expect(status == "FAILED", f"the ledger says FAILED ({status or 'nothing'})")
        run_id = world.entry(key, second).get("run_id", "")
        wrong.expect(world.execution(run_id) == "FAILED", "the run failed")
    if machine_only and run_id:
        unexpected = [state for state in world.failed_states(run_id) if not state.startswith("CountRows")]
        wrong.expect(not unexpected, f"nothing failed but the query: {unexpected}")
    wrong.expect(_stand(world) == before, "consumers see the very object versions of before")
    wrong.expect(world.rows(key) == (0 if new else 2), "consumers see the rows of before")
    wrong.expect(new or world.entry(key, first)["status"] == "PUBLISHED", "the first version is PUBLISHED")
    if not wrong:
        wrong.expect(world.alerted(key), "people are notified")
        wrong.expect(world.announced("RunFailed", key), "the event bus is notified")
    return wrong


def _stand(world: World) -> dict[str, str]:
    pages = world.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=world.lake)
    versions = [version for page in pages for version in page.get("Versions", [])]
    return {version["Key"]: version["VersionId"] for version in versions if version["IsLatest"]}


@contextmanager
def broken(world: World, action: str, *, role: str) -> Iterator[None]:
    """No call of an action by a role succeeds."""
    faults.inject(world.aws, action, role=world.stack.resources[role], times=1000, status=400, code="InvalidRequest")
    try:
        yield
    finally:
        faults.clear(world.aws)
