"""Where the time of a cleaning goes: python -m tests.bench.profiling DATASET FILE prints seconds by step, as JSON.

Steps are timed by their wall and by the processor time of all threads while they run. Reading and cleaning
run in parallel: the processor time of each includes that of the others.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.processes import Watch


def main() -> None:
    from sluice.clean import batch, normalize, result
    from sluice.contract import registry
    from sluice.engines import polars_engine, spill
    from sluice.read import csv_reader
    from sluice.read.source import FileSource

    steps = {
        "read bytes": (csv_reader._Pass, "_fill"),
        "split and parse records": (csv_reader, "take_slice"),
        "trim, null markers, steps, values": (normalize.Cells, "read"),
        "of these, parsed": (normalize.Cells, "_parse"),
        "checks (pandera and values)": (batch.Cleaner, "_failures"),
        "reasons and text of bad rows": (result.BatchResult, "quarantined"),
        "all of a batch's validation": (batch.Cleaner, "validate"),
        "hold or spill rows": (spill.Spill, "append"),
        "find duplicates": (polars_engine, "_superseded"),
        "statistics": (polars_engine, "plan_of"),
        "write partitioned Parquet": (polars_engine, "_write_published"),
        "write quarantine": (polars_engine, "_write_quarantine"),
    }
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in steps}
    for name, (owner, function) in steps.items():
        setattr(owner, function, _timed(getattr(owner, function), spent[name]))
    contract = registry.load(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch()
        lineage = polars_engine.Lineage("s3://raw/file.csv", "bench", "bench")
        polars_engine.clean(contract, FileSource(Path(sys.argv[2])), Path(folder) / "out", lineage=lineage)
        watch.answer(
            steps={name: {"wall": round(wall, 6), "cpu": round(cpu, 6)} for name, (wall, cpu) in spent.items()}
        )


def _timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def run(*given: Any, **named: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[0] += time.perf_counter() - wall
            spent[1] += time.process_time() - cpu

    return run


if __name__ == "__main__":
    main()
