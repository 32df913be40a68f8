"""What every flow begins and ends with: names that none has had, a file that is published, and what is not so."""

from itertools import count

from botocore.exceptions import ClientError

from tests.permissions.world import World

TABLES = ("guests", "guests_quarantine")
ICEBERG = "grocery"
numbers = count(1)
"""Each is taken once."""


class Wrong(list[str]):
    """What is not as it should be."""

    def expect(self, holds: bool, fact: str) -> bool:
        if not holds:
            self.append(f"not so: {fact}")
        return holds


def fresh(kind: str) -> tuple[str, str]:
    """A key that no run has had, and a month that no row has had."""
    number = next(numbers)
    return f"guests/{kind}-{number}/2025-03-05.csv", f"{1500 + number // 12}-{1 + number % 12:02}"


def published(world: World, key: str, body: str, wrong: Wrong) -> str:
    """Upload a file and hold what stands against it; returns the version."""
    version = world.put(key, body)
    status = world.status(key, version, "PUBLISHED", "REJECTED", "FAILED", "SUPERSEDED")
    if not wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})"):
        entry = world.entry(key, version)
        wrong += world.failed_states(entry["run_id"]) if world.execution(entry.get("run_id", "")) else []
        return version
    run_id = world.entry(key, version)["run_id"]
    wrong.expect(world.execution(run_id) == "SUCCEEDED", f"the run succeeded: {world.failed_states(run_id)}")
    return version


def outdate(world: World, table: str) -> None:
    """Make a table, and its partitions, as an earlier version of the contract made them: without their last column."""
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    found = glue.get_table(DatabaseName=database, Name=table)["Table"]
    older = {name: found[name] for name in ("Name", "TableType", "PartitionKeys")}
    columns = {"Columns": found["StorageDescriptor"]["Columns"][:-1]}
    older["StorageDescriptor"] = found["StorageDescriptor"] | columns
    glue.update_table(DatabaseName=database, TableInput=older | {"Parameters": {"sluice.contract_version": "0"}})
    of_table = {"DatabaseName": database, "TableName": table}
    for partition in glue.get_partitions(**of_table)["Partitions"]:
        storage = partition["StorageDescriptor"] | columns
        outdated = {"Values": partition["Values"], "StorageDescriptor": storage}
        glue.update_partition(**of_table, PartitionValueList=partition["Values"], PartitionInput=outdated)


def expect_current_tables(world: World, wrong: Wrong) -> None:
    """Both tables are there, with their last column."""
    database, glue = world.stack.outputs["DatabaseName"], world.aws.client("glue")
    last = {
        table["Name"]: table["StorageDescriptor"]["Columns"][-1]["Name"]
        for table in glue.get_tables(DatabaseName=database)["TableList"]
    }
    for name in TABLES:
        wrong.expect(last.get(name) == "_row_number", f"{name} has its last column ({last.get(name)})")


def logged(world: World, group: str, stream: str) -> bool:
    """Whether a stream of a log group has an event."""
    try:
        logs = world.aws.client("logs")
        return bool(logs.get_log_events(logGroupName=group, logStreamName=stream)["events"])
    except ClientError:
        return False
