"""Medians and ratios of interleaved runs: a ratio is taken within a round, where the machine was the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from tests.bench.processes import Run

Rounds = list[dict[str, Run]]
"""The runs of each round, by job."""

PARSES = ("parse_polars", "parse_duckdb", "parse_pyarrow")
ANY_FILE_PARSES = ("parse_polars", "parse_duckdb", "parse_pyarrow_quoted")
"""Parses of any file that the gate accepts. pyarrow is faster when told that no field holds a line break: it refuses a
file in which one does, where it cuts the file into blocks."""
WRITES = ("write_polars", "write_duckdb", "write_pyarrow")


@dataclass
class Comparison:
    """Jobs on one file, run in turn. file_bytes and rows describe it."""

    name: str
    file_bytes: int
    rounds: Rounds = field(default_factory=list)

    def jobs(self) -> list[str]:
        return list(dict.fromkeys(job for one in self.rounds for job in one))

    def of(self, job: str, value: Callable[[Run], float]) -> float:
        """The median of a job's runs."""
        return median(value(one[job]) for one in self.rounds if job in one)

    def ratio_to_floor(self, job: str, value: Callable[[Run], float]) -> float:
        """The median of a job's time divided by the floor of the same round: of `check`, the bare parse alone."""
        base = parse_floor if job == "check" else floor
        return median(value(one[job]) / base(one, value) for one in self.rounds if job in one)

    def check_to_any_file_parse(self) -> float:
        """The median of `check` divided by the least of ANY_FILE_PARSES of the same round, in seconds of work."""
        return median(one["check"].work / min(one[job].work for job in ANY_FILE_PARSES) for one in self.rounds)

    def to_dict(self) -> dict[str, object]:
        return {
            "file_bytes": self.file_bytes,
            "rounds": [{job: run.to_dict() for job, run in one.items()} for one in self.rounds],
            "median_work_seconds": {job: round(self.of(job, _work), 3) for job in self.jobs()},
            "median_cpu_seconds": {job: round(self.of(job, _cpu), 3) for job in self.jobs()},
            "median_peak_bytes": {job: int(self.of(job, lambda run: run.peak_bytes)) for job in self.jobs()},
            "median_ratio_to_floor": {job: round(self.ratio_to_floor(job, _work), 3) for job in self.jobs()},
            "median_cpu_ratio_to_floor": {job: round(self.ratio_to_floor(job, _cpu), 3) for job in self.jobs()},
            "median_check_to_any_file_parse": round(self.check_to_any_file_parse(), 3),
        }


def parse_floor(one: dict[str, Run], value: Callable[[Run], float]) -> float:
    """The least that a bare parse took in a round."""
    return min(value(one[job]) for job in PARSES)


def floor(one: dict[str, Run], value: Callable[[Run], float]) -> float:
    """The least that a bare parse took plus the least that a bare partitioned write took."""
    return parse_floor(one, value) + min(value(one[job]) for job in WRITES)


def _work(run: Run) -> float:
    return run.work


def _cpu(run: Run) -> float:
    return run.cpu
