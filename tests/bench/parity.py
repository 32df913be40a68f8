"""Both engines on the same files: every row compared, and how time and memory grow.

    python -m tests.bench --only parity

Each file is cleaned by Polars in a process of its own, and by Spark (all cores of this machine, the engine of
`sluice clean --engine spark`) in one session that has cleaned a file before. Compared are the published and the
quarantined rows (EXCEPT ALL both ways in DuckDB) and all that the two manifests say of rows. Seconds are those of the
cleaning: without imports and Spark's start, and without the reading that tells Spark where a file can be cut, which
the gate does on AWS; that is told separately.
"""

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from samples.compare import difference, manifest_differences
from tests.bench.engines import groceries, sales_file
from tests.bench.measuring import job
from tests.bench.processes import ROOT, Run
from tests.bench.warm_spark import SparkRun, WarmSpark

Told = Callable[[str], None]
SEEDS = 10
RAGGED = MULTILINE = 0.02
WARMING_ROWS = 20_000
PARTS = 8
"""Of a file that the gate would leave whole: Spark is to have several parts to bring together."""
COMPARED_ROWS = 6_000_000
"""Larger files are compared by their manifests alone: a comparison of all rows needs more memory than a cleaning."""
GROWTH_ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """A file that both engines clean. parts: about so many for Spark; 0 is as the gate cuts files."""

    name: str
    dataset: str
    file: Path
    parts: int = PARTS


def measure(folder: Path, *, rows: int, large: bool, tell: Told) -> dict[str, Any]:
    """Compare the engines on many kinds of files, then time both on `rows` sales, 5 times and, if large, 20 times."""
    files = {}
    with WarmSpark() as spark:
        _warm(spark, folder, tell)
        for case in _cases(folder, rows, tell):
            tell(f"parity: {case.name}")
            files[case.name] = _one(spark, case, folder)
    growth = {}
    for times in (1, 5, 20) if large else (1, 5):
        tell(f"parity: generating {times * rows:,} rows")
        case = Case(f"{times * rows:,} sales", "sales", sales_file(folder, times * rows), parts=0)
        rounds = []
        # Java keeps the memory that larger files needed: each size has a session of its own.
        with WarmSpark() as spark:
            _warm(spark, folder, tell)
            for number in range(1 if times == 20 else GROWTH_ROUNDS):
                tell(f"growth: {case.name}: round {number + 1}")
                rounds.append(_one(spark, case, folder, compared=number == 0))
        growth[case.name] = summary(rounds)
    return {"files": files, "growth": growth}


def differing(measured: dict[str, Any]) -> list[str]:
    """The names of the files that the engines clean differently."""
    return [name for kind in ("files", "growth") for name, one in measured.get(kind, {}).items() if one["differences"]]


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The first round, which compared the rows, with the medians of all rounds' times and ratios, and their peaks."""
    told = dict(rounds[0])
    for name in ("polars_seconds", "spark_seconds", "spark_cpu_seconds", "learn_seconds", "ratio"):
        told[name] = round(median(one[name] for one in rounds), 3)
    for name in (name for name in told if name.endswith("_peak_bytes")):
        told[name] = max(one[name] for one in rounds)
    return {**told, "rounds": [{name: one[name] for name in ("polars_seconds", "spark_seconds")} for one in rounds]}


def _warm(spark: WarmSpark, folder: Path, tell: Told) -> None:
    """Clean a file that is not measured: workers start, Java compiles."""
    tell("starting Spark")
    spark.clean("sales", sales_file(folder, WARMING_ROWS), folder / "warming", parts=PARTS)
    shutil.rmtree(folder / "warming")


def _one(spark: WarmSpark, case: Case, folder: Path, *, compared: bool = True) -> dict[str, Any]:
    polars, on_spark = folder / "on-polars", folder / "on-spark"
    for out in (polars, on_spark):
        shutil.rmtree(out, ignore_errors=True)
    ours = job("clean", case.dataset, case.file, polars)
    theirs = spark.clean(case.dataset, case.file, on_spark, parts=case.parts)
    told = _figures(case, ours, theirs)
    lines = manifest_differences(polars, on_spark)
    if compared and told["rows"] <= COMPARED_ROWS:
        found = difference(polars, on_spark)
        lines += found.lines
        told["differing_rows"] = found.rows
    for out in (polars, on_spark):
        shutil.rmtree(out)
    return {**told, "differences": lines}


def _figures(case: Case, ours: Run, theirs: SparkRun) -> dict[str, Any]:
    rows = ours.answer["rows"]
    published, quarantined = ours.answer["published"], ours.answer["quarantined"]
    return {
        "file_bytes": case.file.stat().st_size,
        "rows": rows,
        "published": published,
        "quarantined": quarantined,
        "discarded": rows - published - quarantined,
        "differing_rows": None,
        "polars_seconds": round(ours.work, 3),
        "polars_peak_bytes": ours.peak_bytes,
        "spark_seconds": round(theirs.work, 3),
        "ratio": round(theirs.work / ours.work, 3),
        "learn_seconds": round(theirs.learn, 3),
        "spark_cpu_seconds": round(theirs.cpu, 2),
        **{f"spark_{name}": size for name, size in asdict(theirs).items() if name.endswith("peak_bytes")},
        "parts": theirs.parts,
        "notes": theirs.notes,
    }


def _cases(folder: Path, rows: int, tell: Told) -> Iterator[Case]:
    """The files, each made when it is its turn and thrown away after it."""
    for seed in range(SEEDS):
        tell(f"parity: generating seed {seed}")
        file = _dirty(folder / f"seed-{seed}.csv", rows // 5, seed, ragged=RAGGED, multiline=MULTILINE)
        yield Case(f"dirt, seed {seed}", "sales", file)
        file.unlink()
    tell("parity: writing the groceries")
    yield Case("groceries", "grocery", groceries(folder))
    plain = _dirty(folder / "plain.csv", rows // 10, SEEDS)
    for name, change in FORMS.items():
        file = folder / f"{name.replace(' ', '-')}.csv"
        file.write_bytes(change(plain.read_bytes()))
        yield Case(name, "sales", file)
        file.unlink()
    for name, dirt in (("quoted newlines", {"multiline": 0.1}), ("ragged rows", {"ragged": 0.05})):
        file = _dirty(folder / "other.csv", rows // 10, SEEDS, **dirt)
        yield Case(name, "sales", file)
        file.unlink()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "gzip": gzip.compress,
}


def _dirty(file: Path, rows: int, seed: int, *, ragged: float = 0, multiline: float = 0) -> Path:
    """Generate sales in another process, whose memory goes with it."""
    dirt = ["--ragged", str(ragged), "--multiline", str(multiline)]
    command = [sys.executable, "-m", "samples.sales_files", str(rows), str(file), "--seed", str(seed), *dirt]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return file
