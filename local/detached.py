"""The local AWS in the background (`sluice up`): at most one per checkout, until `sluice down` there stops it.

Its note lies in the user's state folder and names the checkout that started it. Another checkout neither finds it nor
ends it, but can say whose it is.
"""

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from local.connection import Connection
from local.kept import is_broken, is_whole
from local.stack import STOP_SECONDS, LocalAWS, is_healthy, kill_group

IDLE_MINUTES = 120.0
WAIT_SCALE = 0.05
"""Factor on the waits of Step Functions. A crawl takes a second here: the 30 s between polls would be all of it."""

BUSY_SECONDS = 30.0
"""How long one may be too busy to answer."""

SAVE_SECONDS = 60.0
"""How long one may take to save what it keeps, before it is killed."""

CHECKOUT = Path(__file__).resolve().parent.parent
NONE = "this checkout has no local AWS"


class AlreadyUp(Exception):
    """This checkout has a local AWS already; the message has its endpoint."""


class NotUp(Exception):
    """This checkout has no local AWS; the message says what became of its last one, and which checkouts have one."""


class NotAnswering(Exception):
    """The local AWS of this checkout runs, but does not answer."""


class NoteNotTrusted(Exception):
    """The note is not the user's own, or others may write it."""


ERRORS = (AlreadyUp, NotUp, NotAnswering, NoteNotTrusted)


@dataclass(frozen=True)
class Note:
    """What is known of one local AWS. process: what `process_identity` says of `pid`; kept: folder of what stays."""

    checkout: str
    endpoint: str
    region: str
    pid: int
    process: str
    state: str
    kept: str = ""

    @property
    def runs(self) -> bool:
        """Whether the very process that was started still runs: its id alone may belong to another one by now."""
        return bool(self.process) and process_identity(self.pid) == self.process


def up(*, port: int | None = None, idle_minutes: float = IDLE_MINUTES, keep: bool = False) -> Connection:
    """Start one in the background and write its note. Raises AlreadyUp, NoteNotTrusted, PortTaken, StartFailed.

    keep: with what the last one of this checkout that was started so has kept, on its port.
    """
    refuse_second()
    folder = kept_folder() if keep else None
    aws = LocalAWS(
        port=port, idle_minutes=idle_minutes, wait_scale=WAIT_SCALE, tied_to_parent=False, keep=folder
    ).start()
    try:
        remember(aws)
    except BaseException:
        aws.stop()
        raise
    return aws


def refuse_second() -> None:
    """Raise AlreadyUp when this checkout has a running one, which a second note would orphan."""
    note = _read(note_file())
    if note and note.runs:
        raise AlreadyUp(f"this checkout has a local AWS already, at {note.endpoint}: sluice down ends it")


def remember(aws: LocalAWS, *, state_home: Path | None = None) -> None:
    """Write the note by which `current` and `down` find it. Raises AlreadyUp.

    state_home: instead of the user's state folder.
    """
    kept = "" if aws.keep is None else str(aws.keep)
    note = Note(str(CHECKOUT), aws.endpoint, aws.region, aws.pid, process_identity(aws.pid), str(aws.state), kept)
    path = note_file(state_home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    former = _read(path)
    if not (former and former.runs):
        _forget(former, path)
    written = path.with_suffix(f".{aws.pid}")
    file = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w") as opened:
        opened.write(json.dumps(asdict(note)))
    try:
        os.link(written, path)  # whole or not at all, and never over the note of another one
    except FileExistsError:
        raise AlreadyUp("this checkout has a local AWS already: sluice down ends it") from None
    finally:
        written.unlink()


def current() -> Connection:
    """The running one of this checkout; waits for one that is too busy to answer.

    Raises NotUp, NotAnswering, NoteNotTrusted.
    """
    note = _running()
    deadline = time.monotonic() + BUSY_SECONDS
    while not is_healthy(note.endpoint):
        if not note.runs:
            note = _running()  # raises NotUp
        if time.monotonic() > deadline:
            raise NotAnswering(f"the local AWS at {note.endpoint} (process {note.pid}) does not answer: sluice down")
        time.sleep(0.1)
    return Connection(endpoint=note.endpoint, region=note.region)


def keeps() -> bool:
    """Whether the running one of this checkout was started to keep its data. Raises NotUp, NoteNotTrusted."""
    return bool(_running().kept)


def down() -> bool:
    """Stop the running one of this checkout and delete its state. Return whether its data are kept.

    Raises NotUp, NoteNotTrusted.
    """
    note = _running()
    os.kill(note.pid, signal.SIGTERM)
    deadline = time.monotonic() + (SAVE_SECONDS if note.kept else STOP_SECONDS)
    while note.runs and time.monotonic() < deadline:
        time.sleep(0.05)
    if note.runs:
        kill_group(note.pid)
    _forget(note, note_file())
    return bool(note.kept) and is_whole(Path(note.kept))


def lost() -> str:
    """Say that what was kept cannot be brought back, where that is so."""
    folder = kept_folder()
    why = "was not saved whole (it was killed), or by another version of MiniStack"
    return f"what the local AWS kept in {folder} {why}: it is deleted" if is_broken(folder) else ""


def kept_folder(state_home: Path | None = None) -> Path:
    """Where what this checkout keeps lies, beside its note."""
    return note_file(state_home).with_suffix(".kept")


def note_file(state_home: Path | None = None) -> Path:
    """The note of this checkout, in `sluice` of XDG_STATE_HOME or ~/.local/state."""
    home = state_home or Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "sluice" / f"local-{hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:16]}.json"


def others() -> Iterator[Note]:
    """The running ones of other checkouts, as their notes say; notes that are not trusted are left out."""
    for path in sorted(note_file().parent.glob("local-*.json")):
        try:
            note = _read(path)
        except NoteNotTrusted:
            continue
        if note and note.checkout != str(CHECKOUT) and note.runs:
            yield note


def process_identity(pid: int) -> str:
    """When a process was started, as text that no other one of that id has, in this boot or another; "" without one.

    Linux: the boot's id and the ticks since then (proc(5): starttime). Elsewhere: what ps calls lstart.
    """
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] == "Z" else f"{_boot()} {fields[19]}"
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _running() -> Note:
    """The note of this checkout's running one; the note and state of one that has ended are removed. Raises NotUp."""
    note = _read(note_file())
    if note and note.runs:
        return note
    words = [NONE]
    if note:
        _forget(note, note_file())
        restarted = _boot() and not note.process.startswith(_boot())
        why = "the machine was restarted" if restarted else "idle for long, stopped or killed"
        is_kept = bool(note.kept) and is_whole(Path(note.kept))
        data = "its data are kept: sluice up --keep" if is_kept else "its data are gone"
        words = [f"the local AWS of this checkout has ended ({why}), and {data}"]
    words += [f"the one at {other.endpoint} belongs to {other.checkout}" for other in others()]
    raise NotUp("; ".join(words))


def _read(path: Path) -> Note | None:
    """The note in a file, None without a readable one. Raises NoteNotTrusted."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoteNotTrusted(f"{path} cannot be read as a file of yours ({error.strerror}): remove it") from error
    with os.fdopen(file) as opened:
        status = os.fstat(file)
        if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise NoteNotTrusted(f"{path} is not yours alone to write: remove it")
        try:
            return Note(**json.load(opened))
        except (ValueError, TypeError):
            return None


def _forget(note: Note | None, path: Path) -> None:
    if note:
        shutil.rmtree(note.state, ignore_errors=True)
    path.unlink(missing_ok=True)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return ""
