"""Runs the jobs on a file in interleaved rounds."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.figures import ANY_FILE_PARSES, PARSES, WRITES, Comparison
from tests.bench.processes import Run, run

Told = Callable[[str], None]


def job(name: str, dataset: str, file: Path, out: Path) -> Run:
    """Run one job of tests.bench.jobs into a folder that does not exist yet."""
    shutil.rmtree(out, ignore_errors=True)
    return run(["-m", "tests.bench.jobs", name, dataset, str(file), str(out)])


def compare(
    name: str, dataset: str, file: Path, folder: Path, *, jobs: Sequence[str], rounds: int, tell: Told
) -> Comparison:
    """Clean, check and bare floors in each of `rounds`, and the other `jobs` with them."""
    comparison = Comparison(name, file.stat().st_size)
    published = folder / "published-once"
    for number in range(rounds):
        one: dict[str, Run] = {}
        for each in dict.fromkeys(("clean", *PARSES, *ANY_FILE_PARSES, "check", *WRITES, *jobs)):
            tell(f"{name}: round {number + 1} of {rounds}: {each}")
            if each in WRITES:
                one[each] = job(each, dataset, published, folder / "out")
            else:
                one[each] = job(each, dataset, file, folder / "out")
            if each == "clean":
                shutil.rmtree(published, ignore_errors=True)
                (folder / "out" / "published").rename(published)
        comparison.rounds.append(one)
    shutil.rmtree(published, ignore_errors=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    return comparison
