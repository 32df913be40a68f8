"""The local AWS in the background (`sluice up`): at most one per user of the machine, until `sluice down` stops it."""

import json
import os
import tempfile
import time
from pathlib import Path

from local.connection import Connection
from local.stack import STOP_SECONDS, LocalAWS, is_healthy, kill_group

IDLE_MINUTES = 120.0
WAIT_SCALE = 0.05
"""Factor on the waits of Step Functions. A crawl takes a second here: the 30 s between polls would be all of it."""

BUSY_SECONDS = 30.0
"""How long one may be too busy to answer."""


class AlreadyUp(Exception):
    """A local AWS is running already; the message has its endpoint."""


class NotUp(Exception):
    """No local AWS is running."""


def up(
    *,
    port: int | None = None,
    region: str = "us-east-1",
    idle_minutes: float = IDLE_MINUTES,
    wait_scale: float = WAIT_SCALE,
) -> Connection:
    """Start one in the background and write its note. Raises AlreadyUp, PortTaken, StartFailed."""
    try:
        raise AlreadyUp(f"a local AWS is running already at {current().endpoint}")
    except NotUp:
        pass
    aws = LocalAWS(
        port=port, region=region, idle_minutes=idle_minutes, wait_scale=wait_scale, tied_to_parent=False
    ).start()
    remember(aws)
    return aws


def remember(aws: LocalAWS) -> None:
    """Write the note by which `current` and `down` find it (started with `tied_to_parent=False`)."""
    note = {"endpoint": aws.endpoint, "region": aws.region, "pid": str(aws.pid), "state": str(aws.state)}
    note_file().write_text(json.dumps(note))


def current() -> Connection:
    """The running one; waits for one that is too busy to answer. Raises NotUp."""
    note = _note()
    deadline = time.monotonic() + BUSY_SECONDS
    while note is not None and not is_healthy(note["endpoint"]):
        if not _exists(int(note["pid"])) or time.monotonic() > deadline:
            note = None
        time.sleep(0.1)
    if note is None:
        note_file().unlink(missing_ok=True)
        raise NotUp("no local AWS is running: start one")
    return Connection(endpoint=note["endpoint"], region=note["region"])


def down() -> None:
    """Stop the running one and delete its state. Raises NotUp."""
    current()
    note = _note() or {}
    pid, state = int(note["pid"]), Path(note["state"])
    os.kill(pid, 15)
    deadline = time.monotonic() + STOP_SECONDS
    while (is_healthy(note["endpoint"]) or state.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    kill_group(pid)
    note_file().unlink(missing_ok=True)


def note_file() -> Path:
    """The file with endpoint, region, process id and state folder of the running one."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return folder / f"sluice-local-{os.getuid()}.json"


def _note() -> dict[str, str] | None:
    try:
        note: dict[str, str] = json.loads(note_file().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return note


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
