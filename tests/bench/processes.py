"""Runs a measured job in a process of its own: time, processor time and peak memory, one line of JSON as answer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """One run of a job. Times in seconds, memory in bytes.

    work and cpu: what the job itself timed, after its imports; cpu is that of all its threads.
    wall and peak_bytes: of the whole process, imports and all.
    """

    work: float
    wall: float
    cpu: float
    peak_bytes: int
    answer: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class JobFailed(Exception):
    """The process ended with an error; the message ends with what it said."""


def run(arguments: list[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run `python ARGUMENTS`. Its last line on standard output is {"work": seconds, …}. Raises JobFailed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said, complaint = process.communicate()
    wall = time.perf_counter() - started
    if process.returncode:
        raise JobFailed(f"{' '.join(arguments)}: exit {process.returncode}: {complaint[-2_000:]}")
    answer = json.loads(said.strip().splitlines()[-1])
    return Run(answer.pop("work"), wall, answer.pop("cpu"), answer.pop("peak_bytes"), answer)


class Watch:
    """Starts when it is made; `answer` ends a job."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._started = time.perf_counter()

    def answer(self, **facts: Any) -> None:
        """Print what `run` reads: the time since the start, and these facts."""
        work, cpu = time.perf_counter() - self._started, time.process_time() - self._cpu
        print(json.dumps({"work": work, "cpu": cpu, "peak_bytes": peak_bytes(), **facts}))


def peak_bytes() -> int:
    """The peak of this program alone: what getrusage tells begins with that of the process that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM: the measurements need Linux")
