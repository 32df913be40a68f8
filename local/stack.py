"""The process of the local AWS: started and stopped, on the loopback interface, its state in a temporary folder."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from local.connection import ACCOUNT_ID, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Connection
from local.kept import begin, environment, port_of

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
# What a subprocess needs of its host. Nothing else is passed on, above all no AWS_*: no handler that runs here
# may ever find the credentials of a real account.
HOST_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "JAVA_HOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TZ")


class PortTaken(Exception):
    """The wanted port is used by another process."""


class NotStarted(Exception):
    """Asked for what only a running local AWS has."""


class StartFailed(Exception):
    """The local AWS ended, or did not answer in time, while starting; the message ends with its log."""


class LocalAWS(Connection):
    """A running local AWS; use as a context manager, or call `start` and `stop`.

    port            the port to listen on; a free one by default
    concurrency     how many functions may run at a time, in all; one call more is refused with 429. None: no limit
    wait_scale      factor on the waits of Step Functions (Wait states, retries): 0.01 makes 100 s last 1 s
    idle_minutes    minutes without any call after which it ends by itself
    job_python      interpreter of the Glue jobs
    tied_to_parent  end when the process that started it ends, however it ends
    state           folder for everything it keeps (removed at the end); a new temporary one by default
    keep            folder that outlives it: what it holds comes back with the next one of this folder, on the same port
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        concurrency: int | None = None,
        wait_scale: float = 1.0,
        idle_minutes: float = 60.0,
        job_python: str = sys.executable,
        tied_to_parent: bool = True,
        state: Path | None = None,
        keep: Path | None = None,
    ) -> None:
        super().__init__(endpoint="", region="us-east-1")
        self.port = port
        self.state = state
        self.keep = keep
        self._concurrency = concurrency
        self._wait_scale = wait_scale
        self._idle_minutes = idle_minutes
        self._job_python = job_python
        self._tied_to_parent = tied_to_parent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def _folder(self) -> Path:
        if self.state is None:
            raise NotStarted
        return self.state

    @property
    def log(self) -> Path:
        """The emulator's own log, as long as it runs."""
        return self._folder / "log"

    @property
    def pid(self) -> int:
        """Process id of the emulator, which leads the process group of all its workers."""
        if self._process is None:
            raise NotStarted
        return self._process.pid

    def start(self) -> Self:
        """Start, wait until healthy. Raises PortTaken, StartFailed."""
        # URLs with the port are part of what is kept: of queues, in the environments of functions.
        port = (self.keep and port_of(self.keep)) or self.port
        self.port = free_port() if port is None else checked_port(port)
        if self.keep is not None:
            begin(self.keep)
        self.endpoint = f"http://{HOST}:{self.port}"
        self.state = self.state or Path(tempfile.mkdtemp(prefix="sluice-local-"))
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.emulator"],
                cwd=Path(__file__).parent.parent,
                env=self._environment(),
                stdin=subprocess.PIPE if self._tied_to_parent else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all its processes and remove its files. Safe to call twice."""
        if self._process is not None:
            stop_group(self._process)
            if self._process.stdin:
                self._process.stdin.close()
        if self.state is not None:
            shutil.rmtree(self.state, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in HOST_ENVIRONMENT if name in os.environ}
        return (
            kept
            | ({} if self.keep is None else environment(self.keep))
            | {
                "AUTH": "true",
                "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
                "BIND_HOST": HOST,
                "GATEWAY_PORT": str(self.port),
                "IOT_MTLS_ENABLED": "0",
                # 0 is no limit. Invocations that wait for one of a function's environments count too.
                "LAMBDA_ACCOUNT_CONCURRENCY": str(self._concurrency or 0),
                "LOG_LEVEL": "WARNING",
                "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
                "MINISTACK_HOST": HOST,
                "MINISTACK_REGION": self.region,
                "SFN_WAIT_SCALE": str(self._wait_scale),
                "SFTP_ENABLED": "0",
                "SLUICE_IDLE_SECONDS": str(self._idle_minutes * 60),
                "SLUICE_JOB_PYTHON": self._job_python,
                "SLUICE_STATE": str(self._folder),
                "SLUICE_TIED_TO_PARENT": "1" if self._tied_to_parent else "0",
                "TMPDIR": str(self._folder / "tmp"),
            }
        )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if is_healthy(self.endpoint):
                return
            time.sleep(0.05)
        raise StartFailed(f"the local AWS did not start; its log ends with:\n{tail(self.log)}")


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def checked_port(port: int) -> int:
    """`port`, if nothing listens on it. Raises PortTaken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} is in use: choose another one, or stop what listens there ({error.strerror})"
            ) from error
    return port


def is_healthy(endpoint: str) -> bool:
    """Whether a local AWS answers at `endpoint`."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as answer:  # noqa: S310 (http)
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End `process` and every process of its group: SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def tail(path: Path) -> str:
    """The last 4,000 characters of a text file, or an empty text where there is none."""
    return path.read_text(errors="replace")[-4000:] if path.exists() else ""
