"""Glue runs a job's script under the job's role; MiniStack reports SUCCEEDED without running it.

Also MaxConcurrentRuns (one run too many is refused), Timeout, MaxRetries, stopping, and the run's log.
"""

import contextvars
import threading
import time
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import glue
from ministack.services.cloudformation import provisioners

from local.emulator.glue import job_process

ALIVE = ("STARTING", "RUNNING", "STOPPING", "WAITING")
FIELDS = ("ExecutionProperty", "ExecutionClass", "JobMode", "NotificationProperty", "LogUri")  # dropped otherwise

Job = dict[str, Any]
Run = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

_starting = threading.Lock()


def start(data: dict[str, Any]) -> Answer:
    """StartJobRun."""
    name = str(data.get("JobName"))
    job = glue._jobs.get(name)
    if job is None:
        return error("EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}")
    with _starting:
        if running(name) >= job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1):
            return error("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {name}")
        run = new_run(job, data, attempt=0)
        glue._job_runs.setdefault(name, []).insert(0, run)
    in_background(job, run)
    return glue.json_response({"JobRunId": run["Id"]})


def error(code: str, message: str) -> Answer:
    answer: Answer = glue.error_response_json(code, message, 400)
    return answer


def running(name: str) -> int:
    return sum(run["JobRunState"] in ALIVE for run in glue._job_runs.get(name, []))


def new_run(job: Job, data: dict[str, Any], *, attempt: int) -> Run:
    """The record of a run that is about to start."""
    now = int(time.time())
    run = {
        "Id": f"jr_{new_uuid().replace('-', '')}{new_uuid().replace('-', '')}",
        "Attempt": attempt,
        "JobName": job["Name"],
        "StartedOn": now,
        "LastModifiedOn": now,
        "JobRunState": "STARTING",
        "Arguments": data.get("Arguments", {}),
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "LogGroupName": "/aws-glue/jobs",
    }
    for name in ("Timeout", "MaxCapacity", "WorkerType", "NumberOfWorkers", "SecurityConfiguration", "GlueVersion"):
        if (value := data.get(name) or job.get(name)) is not None:
            run[name] = value
    return run


def in_background(job: Job, run: Run) -> None:
    # A thread does not inherit the request's account and region by itself.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(carry_out, job, run), daemon=True).start()


def carry_out(job: Job, run: Run) -> None:
    """Run the script, set its final status, and retry up to MaxRetries times."""
    run.update(JobRunState="RUNNING", LastModifiedOn=int(time.time()))
    # DefaultArguments are the job's, the run's own come before them; both reach the script.
    arguments = job.get("DefaultArguments", {}) | {"--JOB_NAME": job["Name"], "--JOB_RUN_ID": run["Id"]}
    outcome = job_process.run(job, run, arguments | run["Arguments"])
    now = int(time.time())
    if outcome.error:
        run["ErrorMessage"] = outcome.error
    run.update(CompletedOn=now, LastModifiedOn=now, ExecutionTime=now - run["StartedOn"])
    run["JobRunState"] = outcome.state
    if outcome.state in ("FAILED", "TIMEOUT") and run["Attempt"] < job.get("MaxRetries", 0):
        again = new_run(job, {"Arguments": run["Arguments"]}, attempt=run["Attempt"] + 1)
        again |= {"Id": f"{run['Id'].split('_attempt')[0]}_attempt_{again['Attempt']}", "PreviousRunId": run["Id"]}
        glue._job_runs[job["Name"]].insert(0, again)
        in_background(job, again)


def stop(data: dict[str, Any]) -> Answer:
    """BatchStopJobRun."""
    stopped, errors = [], []
    for run_id in data.get("JobRunIds", []):
        found = [run for run in glue._job_runs.get(data["JobName"], []) if run["Id"] == run_id]
        if found and found[0]["JobRunState"] in ALIVE:
            found[0]["JobRunState"] = "STOPPING"
            job_process.stop(run_id)
            stopped.append({"JobName": data["JobName"], "JobRunId": run_id})
        else:
            detail = {"ErrorCode": "InvalidInputException", "ErrorMessage": f"{run_id} is not running"}
            errors.append({"JobName": data["JobName"], "JobRunId": run_id, "ErrorDetail": detail})
    return glue.json_response({"SuccessfulSubmissions": stopped, "Errors": errors})


def patch() -> None:
    create, update, fields = glue._create_job, glue._update_job, provisioners._glue_job_fields

    def keep(name: str, given: dict[str, Any]) -> None:
        glue._jobs[name].update({key: given[key] for key in FIELDS if key in given})

    def create_whole(data: dict[str, Any]) -> Answer:
        answer: Answer = create(data)
        if answer[0] == 200:
            keep(data["Name"], data)
        return answer

    def update_whole(data: dict[str, Any]) -> Answer:
        answer: Answer = update(data)
        if answer[0] == 200:
            keep(data["JobName"], data["JobUpdate"])
        return answer

    def whole_fields(properties: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = fields(properties)
        return found | {key: properties[key] for key in FIELDS if key in properties}

    glue._create_job = create_whole
    glue._update_job = update_whole
    glue._start_job_run = start
    glue._batch_stop_job_run = stop
    provisioners._glue_job_fields = whole_fields
