"""Measures Sluice against the floor and against what people would write instead; prints tables, keeps the figures.

    python -m tests.bench                    about an hour on two cores (make bench)
    python -m tests.bench --large            20 million rows and 500 uploads, some hours (make bench-large)
    python -m tests.bench --only engine      or: imports, profile, parity, object, pipeline; several may be named

Writes results.json and results.svg into out/bench (or --out). Times depend on the machine and on what else it does:
what is to be believed are ratios, taken between processes that ran in turn, as medians.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench import engines, imports, large_object, parity, pipeline, showing
from tests.bench.processes import ROOT, run

Results = dict[str, Any]
PARTS = ("engine", "imports", "profile", "parity", "object", "pipeline")
WIDTH = 150
UPLOADS = {False: 40, True: 500}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="20 million rows, too, and 500 uploads")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts alone; others keep their old figures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the small generated file; the larger has 5 x")
    parser.add_argument("--uploads", type=int, help="how many files of shops; 40, or 500 when large")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    given = parser.parse_args()
    if find_spec("matplotlib") is None:
        sys.exit("the picture is drawn by matplotlib: make bench installs it, or uv sync --group bench")
    wanted = given.only or PARTS
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    given.out.mkdir(parents=True, exist_ok=True)
    kept = given.out / "results.json"
    results: Results = json.loads(kept.read_text()) if given.only and kept.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder, console.status("") as status:
        for part in wanted:
            load = os.getloadavg()[0]
            measured = _measure(part, given, Path(folder), lambda what: status.update(what))
            results[part] = {**measured, **_circumstances(load)}
            kept.write_text(json.dumps(results, indent=1) + "\n")
    showing.show(console, results)
    showing.draw(results, given.out / "results.svg")
    console.print(f"\nwritten: {kept} and results.svg", highlight=False)
    if unlike := parity.differing(results.get("parity", {})):
        sys.exit(f"the engines differ on {', '.join(unlike)}: see {kept}")


def _measure(part: str, given: argparse.Namespace, folder: Path, tell: Callable[[str], None]) -> Results:
    if part == "engine":
        return engines.measure(folder, rows=given.rows, rounds=given.rounds, large=given.large, tell=tell)
    if part == "imports":
        return _imports(folder, given.rounds, tell)
    if part == "parity":
        return parity.measure(folder, rows=given.rows, large=given.large, tell=tell)
    if part == "object":
        return large_object.measure(folder, rows=(20 if given.large else 5) * given.rows, tell=tell)
    if part == "pipeline":
        return pipeline.measure(folder, files=given.uploads or UPLOADS[given.large], rows=given.rows, tell=tell)
    tell("where the time goes")
    file = engines.sales_file(folder, given.rows)
    return run(["-m", "tests.bench.profiling", "sales", str(file)]).to_dict()


def _imports(folder: Path, rounds: int, tell: Callable[[str], None]) -> Results:
    tell("building the functions")
    built = imports.build(folder)
    starts: dict[str, list[Any]] = {name: [] for name in imports.handlers()}
    for number in range(rounds + 1):
        for name, runs in starts.items():
            tell(f"imports: round {number} of {rounds}: {name}")
            one = imports.start(name, built)
            if number:
                runs.append(one.to_dict())
    return {"unzipped_bytes": built.unzipped_bytes(), "handlers": starts}


def _circumstances(load: float) -> Results:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_average_before_and_after": [round(load, 2), round(os.getloadavg()[0], 2)],
    }


if __name__ == "__main__":
    main()
