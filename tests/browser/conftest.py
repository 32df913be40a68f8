import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import looking

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv" / "bin" / "python"


def pytest_configure() -> None:
    if looking.chromium() is None:
        pytest.exit("No Chromium here: apt-get install chromium, or set CHROMIUM to the path of one.", returncode=1)


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sluice-pages-")


@cache
def shelf() -> dict[str, Any]:
    """Have the pages written by Sluice itself, in its own environment; return what is expected of each, by name."""
    done = subprocess.run(
        [PYTHON, "-m", "tests.browser.writing", folder().name],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([".", "functions", "glue"])},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.exit(f"The pages were not written:\n{done.stdout[-3000:]}{done.stderr[-3000:]}", returncode=1)
    found: dict[str, Any] = json.loads((Path(folder().name) / "expected.json").read_text())
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Show every page to a test that takes `look`, on every device and in both modes."""
    if "look" in metafunc.fixturenames:
        cases = [(name, device, mode) for name in shelf() for device in looking.DEVICES for mode in looking.MODES]
        metafunc.parametrize("look", cases, ids=["-".join(case) for case in cases], indirect=True, scope="session")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with looking.browser() as started:
        yield started


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: the variable BROWSER_SHOTS keeps them."""
    kept = os.environ.get("BROWSER_SHOTS")
    shots = REPOSITORY / kept if kept else tmp_path_factory.mktemp("shots")
    shots.mkdir(parents=True, exist_ok=True)
    return shots


@pytest.fixture(scope="session")
def look(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[looking.Look]:
    name, device, mode = request.param
    with looking.look(chromium, Path(folder().name) / f"{name}.html", device, mode) as seen:
        yield seen


@pytest.fixture
def expected(look: looking.Look) -> dict[str, Any]:
    """What is expected of the page that `look` shows."""
    found: dict[str, Any] = shelf()[look.name]
    return found
