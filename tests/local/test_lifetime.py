"""The local AWS ends when it should, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local import LocalAWS, PortTaken, detached
from local.waiting import eventually

ROOT = Path(__file__).parent.parent.parent
CHILD = """
import sys, time
from local import LocalAWS
aws = LocalAWS().start()
print(aws.pid, aws.state, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_it_leaves_no_process_and_no_file() -> None:
    with LocalAWS() as aws:
        pid, state = aws.pid, aws.state
        assert state is not None
        assert state.exists()
    assert not alive(pid)
    assert not state.exists()


def test_it_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, state = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    eventually(lambda: not alive(int(pid)))
    assert not Path(state).exists()


def test_it_ends_when_nobody_calls() -> None:
    aws = LocalAWS(idle_minutes=1 / 60).start()
    eventually(lambda: not alive(aws.pid))
    assert not aws.log.exists()
    aws.stop()


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is in use"):
            LocalAWS(port=port).start()


def test_a_detached_one_is_found_and_taken_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(detached.NotUp):
        detached.current()
    started = detached.up()
    assert detached.current().endpoint == started.endpoint
    with pytest.raises(detached.AlreadyUp):
        detached.up()
    detached.down()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(detached.NotUp):
        detached.down()


def test_a_detached_one_that_is_busy_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    started = detached.up()
    pid = int(json.loads(detached.note_file().read_text())["pid"])
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(3, os.kill, (pid, signal.SIGCONT)).start()
    assert detached.current().endpoint == started.endpoint
    detached.down()


def test_the_credentials_of_the_host_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-real-account")
    with LocalAWS() as aws:
        environment = Path(f"/proc/{aws.pid}/environ").read_bytes()
        assert b"of-a-real-account" not in environment
        assert os.environ["AWS_SESSION_TOKEN"] == "of-a-real-account"  # noqa: S105
        assert aws.client("sts").get_caller_identity()["Arn"].endswith(":root")
