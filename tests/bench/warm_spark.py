"""A Spark that stays warm between files: one process with one session, told on standard input what to clean.

It is the session and the engine of `sluice clean --engine spark`.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.bench.processes import ROOT, JobFailed
from tests.bench.trees import Peak, cpu_seconds


@dataclass(frozen=True)
class SparkRun:
    """One file cleaned. Times in seconds, memory in bytes.

    learn: one reading of the file for its facts, which the gate has done where AWS runs the job.
    work, cpu: the cleaning itself; cpu is that of Java and all its workers.
    peak_bytes: Java, the driver and the workers together; java_peak_bytes: Java alone, whose heap hardly shrinks
    again after larger files; worker_peak_bytes: the largest Python among them, since it was started.
    """

    learn: float
    work: float
    cpu: float
    peak_bytes: int
    java_peak_bytes: int
    worker_peak_bytes: int
    parts: int
    notes: list[str]


class WarmSpark:
    """A running session; use as a context manager. Raises JobFailed with what the process said last."""

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.warm_spark"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        # Its input ends, and so does it.
        self._process.communicate()
        self._log.close()

    def clean(self, dataset: str, file: Path, out: Path, *, parts: int = 0) -> SparkRun:
        """Clean a file into a folder that does not exist yet, cut into about `parts` parts (0: as the gate cuts)."""
        asked = {"dataset": dataset, "file": str(file), "out": str(out), "parts": parts}
        before = cpu_seconds(self._process.pid)
        with Peak(self._process.pid) as peak:
            told = self._ask(asked)
        cpu = cpu_seconds(self._process.pid) - before - told.pop("learn_cpu")
        return SparkRun(cpu=cpu, peak_bytes=peak.all, java_peak_bytes=peak.java, **told)

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        # Where it has ended, what it said before is told below.
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(asked), file=self._process.stdin, flush=True)
        for line in self._process.stdout or ():
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        self._log.seek(0)
        raise JobFailed(f"Spark on {asked['file']}: {self._log.read().decode(errors='replace')[-3_000:]}")


def main() -> None:
    """Answer each line of standard input, until it ends."""
    from cli import spark as cli_spark

    cli_spark.check()
    spark = cli_spark.session()
    for line in sys.stdin:
        print(json.dumps(_clean(spark, **json.loads(line))), flush=True)
    spark.stop()


def _clean(spark: Any, *, dataset: str, file: str, out: str, parts: int) -> dict[str, Any]:
    from sluice.contract import registry
    from sluice.engines.output_rows import Lineage
    from sluice.engines.spark import engine
    from sluice.engines.spark.files import LocalFolder
    from sluice.engines.spark.splits import LocalOriginal, splits_of

    contract = registry.load(dataset)
    original = LocalOriginal(file)
    started, cpu = time.perf_counter(), time.process_time()
    facts = _learn(contract, original.source(), Path(file).stat().st_size, parts)
    learned, learn_cpu = time.perf_counter() - started, time.process_time() - cpu
    lineage = Lineage(f"s3://raw/{dataset}/{Path(file).name}", "bench", "bench")
    job = engine.File(original, LocalFolder(out), lineage, {}, facts)
    started = time.perf_counter()
    manifest = engine.clean(spark, contract, job)
    work = time.perf_counter() - started
    return {
        "learn": learned,
        "learn_cpu": learn_cpu,
        "work": work,
        "worker_peak_bytes": manifest.peak_rss_bytes,
        "parts": len(splits_of(facts)),
        "notes": manifest.notes,
    }


def _learn(contract: Any, source: Any, size: int, parts: int) -> dict[str, Any]:
    """The facts of a file, as the gate tells them; or in more parts, so that also a small file has several."""
    from sluice.engines.spark import engine
    from sluice.read.open import open_reader
    from sluice.read.source import Limits

    if not parts:
        return engine.learn(source, contract)
    # A part ends with a batch: batches of half a part let it be hardly longer than wanted.
    limits = Limits(split_bytes=size // parts, batch_bytes=max(1, size // parts // 2))
    reader = open_reader(contract, source, limits=limits)
    for _ in reader:
        pass
    return vars(reader.facts)


if __name__ == "__main__":
    main()
