"""What a process and all that it started use together: Spark is a Python, a Java and some workers."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SAMPLE_SECONDS = 0.5
PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat. cpu: seconds of all its threads and of its children that have ended."""

    pid: int
    name: str
    parent: int
    cpu: float


def tree(root: int) -> list[Process]:
    """The process `root` and all below it that run now."""
    found = {process.pid: process for process in _processes()}
    members = [found[root]] if root in found else []
    for member in members:  # grows while it is walked
        members += [process for process in found.values() if process.parent == member.pid]
    return members


def _processes() -> list[Process]:
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue  # it has ended meanwhile
        # The name stands in brackets and may hold brackets and blanks itself.
        begin, name = text[: text.rindex(")")].split(" (", 1)
        rest = text[text.rindex(")") + 2 :].split()
        found.append(Process(int(begin), name, int(rest[1]), sum(map(int, rest[11:15])) / TICKS))
    return found


def cpu_seconds(root: int) -> float:
    """Processor seconds of the tree since each of its processes began."""
    return sum(process.cpu for process in tree(root))


def resident_bytes(pid: int) -> int:
    """RunHistory of one process; what several share counts as a fraction in each (PSS). 0 when it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class Peak:
    """The most memory that a tree had at one time, looked at twice a second; use as a context manager.

    all: of the whole tree; java: of its Java; both in bytes. A peak between two looks is not seen.
    """

    def __init__(self, root: int) -> None:
        self.all = self.java = 0
        self._root = root
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            sizes = [(process.name, resident_bytes(process.pid)) for process in tree(self._root)]
            self.all = max(self.all, sum(size for _, size in sizes))
            self.java = max(self.java, sum(size for name, size in sizes if name == "java"))
            if self._done.wait(SAMPLE_SECONDS):
                return
