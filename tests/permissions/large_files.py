"""Flows of a file that is too large for Lambda: the Glue job cleans it, or is stopped with its run."""

from typing import Any

from tests.permissions.expectations import Wrong, fresh, logged
from tests.permissions.world import SMALL_FILE_BYTES, World, guests


def large(world: World) -> list[str]:
    """A file too large for Lambda is cleaned by the Glue job."""
    wrong = Wrong()
    key, month = fresh("large")
    body = guests(*({"arrival": f"{month}-0{1 + number % 3}", "nights": str(number % 9)} for number in range(600)))
    if not wrong.expect(len(body) > SMALL_FILE_BYTES, "the file is large"):
        return wrong
    version = world.put(key, body)
    status = world.status(key, version, "PUBLISHED", "FAILED", "REJECTED")
    run_id = world.entry(key, version).get("run_id", "")
    if not wrong.expect(status == "PUBLISHED", f"the ledger says PUBLISHED ({status or 'nothing'})"):
        wrong += world.failed_states(run_id) if run_id and world.execution(run_id) else []
        return wrong
    wrong.expect(world.entry(key, version)["engine"] == "spark", "Spark cleaned it")
    wrong.expect(world.execution(run_id) == "SUCCEEDED", "the run succeeded")
    wrong.expect(world.rows(key) == 600 - len(range(0, 600, 9)), "consumers see its good rows")
    staged = world.objects(world.stack.outputs["WorkBucketName"], f"runs/{run_id}/")
    wrong.expect(not [name for name in staged if "/_work/" in name], "the job has cleaned up behind itself")
    runs = world.aws.client("glue").get_job_runs(JobName=world.stack.outputs["CleanJobName"])["JobRuns"]
    groups = [world.stack.resources["CleanJobOutputLogs"], world.stack.resources["CleanJobErrorLogs"]]
    wrong.expect(all(logged(world, group, runs[0]["Id"]) for group in groups), "the job's log is kept")
    return wrong


def stopped(world: World) -> list[str]:
    """Stopping a run stops its Glue job too."""
    wrong = Wrong()
    key, _ = fresh("stopped")
    version = world.put(key, guests(*({"arrival": "2025-03-05"} for _ in range(600))))
    glue, job = world.aws.client("glue"), world.stack.outputs["CleanJobName"]
    started = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]}

    def mine() -> dict[str, Any]:
        return next((run for run in glue.get_job_runs(JobName=job)["JobRuns"] if run["Id"] not in started), {})

    if not wrong.expect(bool(world.wait(mine, bool)), "the job runs"):
        return wrong
    run_id = world.entry(key, version)["run_id"]
    arn = world.stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{run_id}"
    world.aws.client("stepfunctions").stop_execution(executionArn=arn)
    state = world.wait(lambda: mine()["JobRunState"], lambda state: "ING" not in state)
    wrong.expect(state == "STOPPED", f"the job is stopped ({state})")
    status = world.status(key, version, "FAILED", "PUBLISHED")
    wrong.expect(status == "FAILED", f"the ledger says FAILED ({status})")
    return wrong
