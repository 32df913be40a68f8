"""Cold starts: how long each function takes to import, and in what memory, with nothing but its own packages.

The packages of functions/requirements.txt are installed into a folder of their own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.processes import ROOT, Run, run

FUNCTIONS = ROOT / "functions"
HEAVY = ("validate", "clean")
UV = ROOT / ".venv" / "bin" / "uv"

PROBE = """
import sys, time, os, json
started = time.perf_counter(); used = sum(os.times()[:2])
import {module}
work = time.perf_counter() - started
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({{"work": work, "cpu": sum(os.times()[:2]) - used, "peak_bytes": peak,
                  "polars": "polars" in sys.modules, "modules": len(sys.modules)}}))
"""


def built(folder: Path) -> Path:
    """Install what the functions bring; returns its folder."""
    packages = folder / "packages"
    command = [UV, "pip", "install", "--quiet", "--python", sys.executable, "--target", packages, "--compile-bytecode"]
    subprocess.run([*command, "--requirement", FUNCTIONS / "requirements.txt"], check=True)
    return packages


def handlers() -> list[str]:
    return sorted(path.stem for path in FUNCTIONS.glob("*.py"))


def start(handler: str, packages: Path) -> Run:
    """Import one handler in a fresh interpreter that knows nothing else."""
    path = f"{FUNCTIONS}:{packages}"
    # -S leaves out the packages of the environment that runs this.
    return run(["-S", "-c", PROBE.format(module=handler)], {**environment(), "PYTHONPATH": path})


def environment() -> dict[str, str]:
    """What template.yaml and Lambda would set, as the unit tests know it; with X-Ray, which they switch off."""
    script = "import json; from tests.unit.cloud import ENVIRONMENT; print(json.dumps(ENVIRONMENT))"
    if not _ENVIRONMENT:
        told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
        _ENVIRONMENT.update(json.loads(told.stdout) | {"LAMBDA_TASK_ROOT": str(FUNCTIONS)})
        del _ENVIRONMENT["POWERTOOLS_TRACE_DISABLED"]
    return _ENVIRONMENT


_ENVIRONMENT: dict[str, str] = {}


def unzipped_bytes(packages: Path) -> dict[str, Any]:
    """What a function's zip holds, unpacked: all functions share one. Lambda allows 250 MB."""
    own = sum(path.stat().st_size for path in FUNCTIONS.rglob("*") if path.is_file() and path.suffix != ".pyc")
    brought = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {"functions": own, "packages": brought, "all": own + brought}
