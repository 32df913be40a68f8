"""The layer is built for the processor of the template by whatever Python the machine has."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract import declared

SHIM = "echo 'pyenv: python3.13: command not found' >&2; exit 127"
OTHER_PYTHON = """case "$1" in
  -c) exit 1 ;;
  -m) echo "$0 $@" >> "$CALLS"; mkdir -p "$ARTIFACTS_DIR/python/botocore/data/ec2" ;;
esac"""
PYTHON_3_13 = OTHER_PYTHON.replace("exit 1", "exit 0")


@dataclass
class Machine:
    """A machine with an ARM processor and no Python but those that a test gives it."""

    folder: Path

    def has(self, name: str, script: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def builds(self, architecture: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--makefile", self.folder / "packages" / architecture / "Makefile", "build-PackagesLayer"],
            cwd=self.folder / "packages",
            env={
                "PATH": f"{self.folder / 'bin'}:{os.defpath}",
                "HOME": str(self.folder),
                "ARTIFACTS_DIR": str(self.folder / "built"),
                "CALLS": str(self.folder / "calls"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> str:
        """The calls of pip and of the compiler."""
        return "\n".join(line for line in (self.folder / "calls").read_text().splitlines() if " --version" not in line)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    shutil.copytree(declared.ROOT / "packages", tmp_path / "packages")
    shutil.copy(declared.ROOT / "samconfig.toml", tmp_path)
    machine.has("bin/uname", "echo arm64")
    for name in ("python3.13", "python3", "python"):
        machine.has(f"bin/{name}", SHIM)
    return machine


@pytest.mark.parametrize(("architecture", "wheels"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_the_packages_are_those_of_the_template_s_processor_not_of_the_machine_s(
    machine: Machine, architecture: str, wheels: str
):
    machine.has("bin/python3.13", PYTHON_3_13)
    done = machine.builds(architecture)
    assert done.returncode == 0, done.stderr
    assert f"--platform manylinux_2_28_{wheels} --platform manylinux2014_{wheels}" in machine.calls
    assert "compileall" in machine.calls


def test_an_older_python_installs_where_the_shim_of_pyenv_has_no_version_and_says_that_nothing_is_compiled(
    machine: Machine,
):
    machine.has("bin/python3", OTHER_PYTHON)
    done = machine.builds("arm64")
    assert done.returncode == 0, done.stderr
    assert "python3 -m pip install" in machine.calls
    assert "compileall" not in machine.calls
    assert "Not compiled: no Python 3.13" in done.stderr


@pytest.mark.parametrize("place", [".pyenv/versions/3.13.0/bin/python3.13", ".venv/bin/python"])
def test_the_python_behind_the_shim_and_the_project_s_own_compile(machine: Machine, place: str):
    machine.has("bin/python3", OTHER_PYTHON)
    machine.has(place, PYTHON_3_13)
    done = machine.builds("x86_64")
    assert done.returncode == 0, done.stderr
    assert "Not compiled" not in done.stderr
    assert f"{place} -m compileall" in machine.calls


def test_an_architecture_that_only_the_deployment_would_read_is_refused(machine: Machine):
    machine.has("bin/python3.13", PYTHON_3_13)
    with (machine.folder / "samconfig.toml").open("a") as config:
        config.write('\n[arm.deploy.parameters]\nparameter_overrides = ["Architecture=arm64"]\n')
    done = machine.builds("x86_64")
    assert done.returncode != 0
    assert "set it in [ENVIRONMENT.global.parameters]" in done.stderr


def test_every_processor_that_the_template_allows_has_its_makefile():
    template = declared.template()
    layer = template["Resources"]["PackagesLayer"]["Metadata"]
    allowed = template["Parameters"]["Architecture"]["AllowedValues"]
    assert layer["BuildArchitecture"] == {"Ref": "Architecture"}
    assert layer["ContextPath"] == {"Fn::Sub": "packages/${Architecture}"}
    makefiles = {path.parent.name for path in (declared.ROOT / "packages").glob("*/Makefile")}
    assert set(allowed) == makefiles - {"glue"}  # whose job has one processor
