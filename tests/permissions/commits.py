"""Flows of an Iceberg table: a commit, the commit that undoes one, and files that move to another dataset."""

from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from local import faults
from sluice.aws.object_version import ObjectVersion
from tests.permissions.expectations import ICEBERG, Wrong, numbers, published
from tests.permissions.failures import broken
from tests.permissions.world import World

GROCERY = Path(__file__).parents[1] / "data" / "grocery" / "good.csv"
ROWS = 7
"""That are published of it."""


def committed(world: World) -> list[str]:
    """The first commit makes the Iceberg table; a file is published, and a corrected one replaces its rows."""
    wrong, glue = Wrong(), world.aws.client("glue")
    with suppress(glue.exceptions.EntityNotFoundException):
        glue.delete_table(DatabaseName=world.stack.outputs["DatabaseName"], Name=ICEBERG)
    key = _published(world, wrong)
    if not wrong:
        header, first = GROCERY.read_text().splitlines()[:2]
        published(world, key, f"{header}\n{first}\n", wrong)
        wrong.expect(world.rows(key, ICEBERG) == 1, "consumers see the new row only")
    return wrong


def uncommitted(world: World) -> list[str]:
    """A run that fails after its commit is undone by another one."""
    return _failing(world, machine_only=True)


def recovered_commit(world: World) -> list[str]:
    """A run that fails after its commit, and whose undoing fails, is undone all the same."""
    return _failing(world, machine_only=False)


def taken_out(world: World) -> list[str]:
    """The files of a key that is another dataset's now are taken out of the Iceberg table that they were in."""
    wrong = Wrong()
    key = _published(world, wrong)
    if wrong:
        return wrong
    source = ObjectVersion(world.raw, key, "", "", 0)
    manifest = world.entry(key, "HEAD")["published_manifest"]
    # What the ledger says after such a publication, before its run removes what it replaced.
    world.aws.client("dynamodb").update_item(
        TableName=world.ledger,
        Key={"source": {"S": source.uri}, "version": {"S": "HEAD"}},
        UpdateExpression="SET replaced = :former REMOVE published_manifest",
        ExpressionAttributeValues={":former": {"L": [{"S": manifest}]}},
    )
    world.invoke("RemoveReplacedFunction", {"run_id": "moved", "dataset": "sales", "source": source.to_dict()})
    wrong.expect(world.rows(key, ICEBERG) == 0, "consumers of the former table do not see the file")
    return wrong


def _published(world: World, wrong: Wrong) -> str:
    key = f"grocery/367/{date(2017, 3, 4) + timedelta(days=next(numbers))}.csv"
    published(world, key, GROCERY.read_text(), wrong)
    if not wrong:
        wrong.expect(world.rows(key, ICEBERG) == ROWS, "consumers see its rows")
    return key


def _failing(world: World, *, machine_only: bool) -> list[str]:
    wrong = Wrong()
    key = _published(world, wrong)
    if wrong:
        return wrong
    with broken(world, "athena:StartQueryExecution", role="EtlStateMachineRole"):
        for role in () if machine_only else ("UndoRole", "ReportRole"):
            faults.inject(world.aws, "s3:*", role=world.stack.resources[role], times=100, status=403, code="No")
        header, first = GROCERY.read_text().splitlines()[:2]
        second = world.put(key, f"{header}\n{first}\n")
        status = world.status(key, second, "PUBLISHED", "FAILED", "REJECTED")
        wrong.expect(status == "FAILED", f"the ledger says FAILED ({status or 'nothing'})")
        run_id = world.entry(key, second).get("run_id", "")
        wrong.expect(world.execution(run_id) == "FAILED", "the run failed")
    if machine_only and run_id:
        unexpected = [state for state in world.failed_states(run_id) if not state.startswith("CountRows")]
        wrong.expect(not unexpected, f"nothing failed but the query: {unexpected}")
    wrong.expect(world.rows(key, ICEBERG) == ROWS, "consumers see the rows of before")
    return wrong
