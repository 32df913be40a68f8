"""The process of one Glue job run: its script from S3, its arguments, its role, its log, its exit.

No patch of its own: `jobs` runs it.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.emulator.iam import roles

RUNNER = Path(__file__).parent / "job_runner.py"
SPARK = re.compile(r"^\s*(import|from)\s+pyspark\b", re.MULTILINE)
JAVA_MISSING = (
    "This job needs Spark, and Spark needs Java 17, which is not on this machine: "
    "install a JDK 17 (set JAVA_HOME, or put java on the PATH) and start the run again."
)
SPARK_MISSING = "This job needs Spark, and pyspark is not installed for the interpreter of the jobs: {python}"
MAX_ERROR = 2000  # characters

_running: dict[str, subprocess.Popen[bytes]] = {}
_stopped: set[str] = set()


@dataclass(frozen=True)
class Outcome:
    """How a run ended: a JobRunState, and the error message unless it succeeded or was stopped."""

    state: str
    error: str = ""


class Unstartable(Exception):
    """The run cannot start; the message is the run's error."""


def run(job: dict[str, Any], run: dict[str, Any], arguments: Mapping[str, str]) -> Outcome:
    """Run the job's script to its end and keep its log."""
    folder = Path(tempfile.mkdtemp(prefix="glue-"))
    try:
        try:
            credentials = roles.credentials(job["Role"], service="glue.amazonaws.com", session="GlueJobRunnerSession")
            command, environment = prepare(job, arguments, credentials, folder)
        except (Unstartable, roles.RoleUnusable) as error:
            return Outcome("FAILED", str(error))
        seconds = 60.0 * float(run.get("Timeout") or 2880)
        outcome = supervise(run["Id"], command, environment, folder, seconds)
        keep_log(credentials, job, run, arguments, folder)
        return outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(
    job: dict[str, Any], arguments: Mapping[str, str], credentials: roles.Credentials, folder: Path
) -> tuple[list[str], dict[str, str]]:
    """The command of the run and its whole environment. Raises Unstartable."""
    script = folder / "script" / Path(job["Command"]["ScriptLocation"]).name
    fetch(credentials, job["Command"]["ScriptLocation"], script)
    python = os.environ["SLUICE_JOB_PYTHON"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "JAVA_HOME", "TZ") if name in os.environ}
    environment |= credentials.environment()
    environment["TMPDIR"] = str(folder)
    for uri in wheels(arguments):  # not installed: the job's interpreter has what the project has
        fetch(credentials, uri, folder / "wheels" / Path(uri).name)
    environment["PYTHONPATH"] = os.pathsep.join(extra_files(credentials, arguments, folder))
    if SPARK.search(script.read_text(encoding="utf-8", errors="replace")):
        check_spark(python)
        environment |= {"SLUICE_S3_MOUNT": str(folder / "s3"), "SPARK_CONF_DIR": str(folder / "conf")}
        environment |= {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1"}
    given = [part for name, value in arguments.items() for part in (name, str(value))]
    return [python, str(RUNNER), str(script), *given], environment


def fetch(credentials: roles.Credentials, uri: str, path: Path) -> None:
    """Download an object under the job's role, as Glue does. Raises Unstartable."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(roles.client("s3", credentials).get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        raise Unstartable(
            f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}: {error}"
        ) from error


def extra_files(credentials: roles.Credentials, arguments: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The local paths of --extra-py-files, in their order."""
    for number, uri in enumerate(filter(None, arguments.get("--extra-py-files", "").split(","))):
        path = folder / "extra" / str(number) / Path(uri.strip()).name
        fetch(credentials, uri.strip(), path)
        yield str(path if path.suffix in (".zip", ".egg", ".whl") else path.parent)


def wheels(arguments: Mapping[str, str]) -> list[str]:
    """The addresses in S3 of --additional-python-modules. Raises Unstartable where Glue could not install from one."""
    modules = [each.strip() for each in arguments.get("--additional-python-modules", "").split(",") if each.strip()]
    addresses = [each for each in modules if each.startswith("s3://")]
    no_index = "--no-index" in arguments.get("--python-modules-installer-option", "")
    for each in modules if no_index else addresses:
        if not each.startswith("s3://") or not each.endswith((".whl", ".gluewheels.zip", "requirements.txt")):
            raise Unstartable(f"LAUNCH ERROR | Python module installer: {each} is no wheel and no zip of wheels")
    return addresses


def check_spark(python: str) -> None:
    """Raises Unstartable where a Spark job cannot run."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise Unstartable(JAVA_MISSING)
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version.group(1)) < 17:
        raise Unstartable(JAVA_MISSING)
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pyspark') is None)"
    if subprocess.run([python, "-c", probe], check=False).returncode:
        raise Unstartable(SPARK_MISSING.format(python=python))


def supervise(run_id: str, command: list[str], environment: dict[str, str], folder: Path, seconds: float) -> Outcome:
    """Wait for the process, at most `seconds`; the whole process tree of a stopped or late run is killed."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        _running[run_id] = process
        if run_id in _stopped:  # while its script was still being fetched
            kill_tree(process)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_tree(process)
            return Outcome("TIMEOUT", f"Job run timed out after {seconds / 60:g} minutes")
        finally:
            _running.pop(run_id, None)
    if run_id in _stopped:
        return Outcome("STOPPED")
    if code:
        lines = (folder / "err").read_text(errors="replace").strip().splitlines()
        return Outcome("FAILED", last_error(lines) or f"exit code {code}")
    return Outcome("SUCCEEDED")


def last_error(lines: list[str]) -> str:
    """The last error of a log: its line that names an exception, with the lines that follow."""
    for number in range(len(lines) - 1, -1, -1):
        if re.match(r"^[\w.]+(Error|Exception|Exit|Interrupt)?: ", lines[number]):
            return "\n".join(lines[number:])[:MAX_ERROR]
    return "\n".join(lines[-1:])[:MAX_ERROR]


def stop(run_id: str) -> None:
    """Stop a run that is under way."""
    _stopped.add(run_id)
    if process := _running.get(run_id):
        kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started (the JVM, the workers of Spark), which share the emulator's group."""
    tree = [process.pid]
    for pid in tree:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                tree.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue  # that thread has ended meanwhile
    for pid in reversed(tree):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def keep_log(
    credentials: roles.Credentials, job: dict[str, Any], run: dict[str, Any], arguments: Mapping[str, str], folder: Path
) -> None:
    """Put the run's output into CloudWatch Logs under the job's role; without permission there is none, as in AWS."""
    logs = roles.client("logs", credentials)
    group = arguments.get("--custom-logGroup-prefix") or arguments.get("--continuous-log-logGroup", "/aws-glue/jobs")
    now = int(time.time() * 1000)
    for name, kind in (("out", "output"), ("err", "error")):
        lines = [line for line in (folder / name).read_text(errors="replace").splitlines() if line.strip()]
        try:
            try:
                create(logs.create_log_stream, logGroupName=f"{group}/{kind}", logStreamName=run["Id"])
            except logs.exceptions.ResourceNotFoundException:
                create(logs.create_log_group, logGroupName=f"{group}/{kind}")
                create(logs.create_log_stream, logGroupName=f"{group}/{kind}", logStreamName=run["Id"])
            for start in range(0, len(lines), 1000):
                events = [{"timestamp": now, "message": line[:200_000]} for line in lines[start : start + 1000]]
                logs.put_log_events(logGroupName=f"{group}/{kind}", logStreamName=run["Id"], logEvents=events)
        except ClientError:
            return


def create(operation: Any, **arguments: str) -> None:
    """Create something unless it is there."""
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
