"""Every excused check has its reason, every package is pinned by its hash, and no secret is in the repository."""

import re
import subprocess
import tomllib
from typing import Any

import pytest

from tests.contract import declared

CHECKOV = (declared.ROOT / "tests" / "checkov" / "checkov.yaml").read_text()
LOCKS = ("uv.lock", "tests/browser/uv.lock", "tests/checkov/uv.lock", "tests/sam/uv.lock")
SECRETS = re.compile(
    r"(AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b"
    r"|-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
)


def excused() -> list[tuple[str, dict[str, Any]]]:
    """(resource, {id, comment}) of every rule that the template excuses a resource from."""
    return [
        (name, skip)
        for name, resource in declared.template()["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]


def test_every_rule_that_a_resource_is_excused_from_says_why() -> None:
    assert len(excused()) == 12
    for resource, skip in excused():
        assert re.fullmatch(r"CKV_AWS_\d+", skip["id"]), resource
        assert len(skip["comment"]) > 20, resource


def test_every_rule_that_no_resource_is_held_to_says_why() -> None:
    rules = re.findall(r"((?:^  #.*\n)+)  - (CKV_AWS_\d+)$", CHECKOV, flags=re.MULTILINE)

    assert [rule for _, rule in rules] == re.findall(r"CKV\w+", CHECKOV) == ["CKV_AWS_115", "CKV_AWS_116"]


def test_cfn_lint_overlooks_an_option_that_is_left_out_and_yaml_merges_and_nothing_else() -> None:
    assert declared.template()["Metadata"]["cfn-lint"]["config"]["ignore_checks"] == ["W1033", "W1100"]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_its_hash(lock: str) -> None:
    packages = tomllib.loads((declared.ROOT / lock).read_text())["package"]
    fetched = [package for package in packages if "registry" in package["source"]]
    files = [file for package in fetched for file in [*package.get("wheels", []), package.get("sdist")] if file]

    assert len(fetched) > 5
    assert all(file["hash"].startswith("sha256:") for file in files)
    assert {next(iter(package["source"])) for package in packages} <= {"registry", "editable", "virtual"}


def test_no_secret_lies_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=declared.ROOT, capture_output=True, check=False).stdout
    paths = [declared.ROOT / name for name in listed.decode().split("\0") if name]
    found = [
        (path.name, SECRETS.search(path.read_text(errors="replace")))
        for path in paths
        if path.is_file() and path.suffix not in (".parquet", ".png", ".lock")
    ]

    assert [name for name, secret in found if secret] == []
