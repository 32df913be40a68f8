"""Cold starts: how long each function takes to import, and in what memory, with nothing but its own packages.

The layer is built as `sam build` builds it, bytecode included; the functions' own modules come without.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import ROOT, Run, run

FUNCTIONS = ROOT / "functions"

PROBE = """
import sys, time, os, json
started = time.perf_counter(); used = sum(os.times()[:2])
import {module}
work = time.perf_counter() - started
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({{"work": work, "cpu": sum(os.times()[:2]) - used, "peak_bytes": peak,
                  "polars": "polars" in sys.modules, "modules": len(sys.modules)}}))
"""


@dataclass(frozen=True)
class Built:
    """What a function finds: its zip, unpacked, and its layer."""

    functions: Path
    packages: Path

    def unzipped_bytes(self) -> dict[str, int]:
        """Lambda allows 250 MB for both."""
        own, brought = (
            sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            for folder in (self.functions, self.packages)
        )
        return {"functions": own, "packages": brought, "all": own + brought}


def build(folder: Path) -> Built:
    """Build into `folder`."""
    functions, layer = folder / "functions", folder / "layer"
    shutil.copytree(FUNCTIONS, functions, ignore=shutil.ignore_patterns("__pycache__"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "--silent", "build-PackagesLayer", f"ARTIFACTS_DIR={layer}", f"PROCESSOR={platform.machine()}"]
    subprocess.run(command, cwd=ROOT / "packages", env={**os.environ, "PATH": path}, check=True)
    return Built(functions, layer / "python")


def handlers() -> list[str]:
    return sorted(path.stem for path in FUNCTIONS.glob("*.py"))


def start(handler: str, built: Built) -> Run:
    """Import one handler in a fresh interpreter that knows nothing else."""
    path = f"{built.functions}:{built.packages}"
    # -S leaves out the packages of the environment that runs this, -B writes no bytecode: Lambda could not.
    return run(["-S", "-B", "-c", PROBE.format(module=handler)], {**environment(), "PYTHONPATH": path})


def environment() -> dict[str, str]:
    """What template.yaml and Lambda would set, as the unit tests know it; with X-Ray, which they switch off."""
    script = "import json; from tests.unit.cloud import ENVIRONMENT; print(json.dumps(ENVIRONMENT))"
    if not _ENVIRONMENT:
        told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
        _ENVIRONMENT.update(json.loads(told.stdout) | {"LAMBDA_TASK_ROOT": str(FUNCTIONS)})
        del _ENVIRONMENT["POWERTOOLS_TRACE_DISABLED"]
    return _ENVIRONMENT


_ENVIRONMENT: dict[str, str] = {}
