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

from demo import __main__ as demonstration
from local import LocalAWS, PortTaken, detached
from local.stack import is_healthy
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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "sluice"


def move_to_other_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "CHECKOUT", Path("/other/checkout"))


def change(note: Path, **values: object) -> None:
    note.write_text(json.dumps({**json.loads(note.read_text()), **values}))


def test_a_detached_one_is_found_and_taken_down(home: Path) -> None:
    with pytest.raises(detached.NotUp, match=f"^{detached.NONE}$"):
        detached.current()
    started = detached.up()
    assert detached.note_file().stat().st_mode & 0o777 == 0o600
    assert detached.current().endpoint == started.endpoint
    with pytest.raises(detached.AlreadyUp, match=started.endpoint):
        detached.up()
    assert detached.current().endpoint == started.endpoint
    detached.down()
    assert list(home.iterdir()) == []
    with pytest.raises(detached.NotUp):
        detached.down()


def test_another_checkout_neither_uses_nor_ends_it_and_says_whose_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = detached.up()
    owner = str(detached.CHECKOUT)
    with monkeypatch.context() as elsewhere:
        move_to_other_checkout(elsewhere)
        for command in (detached.current, detached.down):
            with pytest.raises(detached.NotUp, match=f"{started.endpoint} belongs to {owner}"):
                command()
        own = detached.up()
        assert own.endpoint != started.endpoint
        detached.down()
    assert is_healthy(started.endpoint)
    detached.down()


def test_a_process_that_has_the_id_of_an_ended_one_is_not_ended(home: Path) -> None:
    detached.up()
    note = detached.note_file()
    emulator = json.loads(note.read_text())["pid"]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        change(note, pid=other.pid)
        with pytest.raises(detached.NotUp, match=r"has ended \(idle"):
            detached.down()
        assert other.poll() is None
    os.kill(emulator, signal.SIGTERM)
    eventually(lambda: not alive(emulator))


def test_after_a_restart_it_says_that_everything_is_gone(home: Path, tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with LocalAWS() as aws:
        detached.remember(aws)
    change(detached.note_file(), process="a-boot-before 4711", state=str(left))
    with pytest.raises(detached.NotUp, match=r"the machine was restarted\), and its data are gone"):
        detached.current()
    assert not left.exists()
    with pytest.raises(detached.NotUp, match=f"^{detached.NONE}$"):
        detached.current()


def test_a_note_that_others_can_write_is_refused(home: Path) -> None:
    with LocalAWS() as aws:
        detached.remember(aws)
        detached.note_file().chmod(0o620)
        for command in (detached.current, detached.down):
            with pytest.raises(detached.NoteNotTrusted, match="remove it"):
                command()
        note = detached.note_file().rename(home / "elsewhere")
        note.chmod(0o600)
        detached.note_file().symlink_to(note)
        with pytest.raises(detached.NoteNotTrusted):
            detached.current()
        assert alive(aws.pid)


def test_a_second_one_to_keep_does_not_orphan_the_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP", "1")
    first = detached.up()
    assert demonstration.main() == 2
    with LocalAWS() as second, pytest.raises(detached.AlreadyUp):
        detached.remember(second)
    assert detached.current().endpoint == first.endpoint
    detached.down()


def test_one_that_does_not_answer_is_not_forgotten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "BUSY_SECONDS", 0.1)
    detached.up()
    pid = json.loads(detached.note_file().read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(detached.NotAnswering, match=f"process {pid}"):
        detached.current()
    os.kill(pid, signal.SIGCONT)
    detached.down()
    assert not alive(pid)


def test_a_detached_one_that_is_busy_is_waited_for(home: Path) -> None:
    started = detached.up()
    pid = json.loads(detached.note_file().read_text())["pid"]
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
