"""The table of the local AWS's patches names every module, what AWS does there, its source, and tests that exist."""

import re

from tests.contract import declared

EMULATOR = declared.ROOT / "local" / "emulator"
TABLE = re.findall(
    r"^\| `([\w/]+)` \| (.+?) \| (.*?) \| `(test_\w+\.py)` \|$",
    (declared.ROOT / "docs" / "architecture.md").read_text(),
    re.MULTILINE,
)


def modules() -> set[str]:
    """All modules but the list of them and the entry point."""
    found = {path.relative_to(EMULATOR).with_suffix("").as_posix() for path in EMULATOR.rglob("*.py")}
    return {name for name in found if not name.split("/")[-1].startswith("__")} - {"patches"}


def test_every_module_of_the_emulator_is_in_the_table_once() -> None:
    assert sorted(name for name, *_ in TABLE) == sorted(modules())


SOURCES = (
    "[AWS](https://docs.aws.amazon.com/",
    # Athena is Trino, and says of Iceberg only what it does otherwise.
    "[Iceberg](https://iceberg.apache.org/spec/",
    "[Trino](https://github.com/trinodb/trino/",
)


def test_every_module_says_what_aws_does_from_its_documentation() -> None:
    unsourced = {name for name, _, source, _ in TABLE if not source.startswith(SOURCES)}
    assert unsourced == {"lifetime", "persistence"}  # which are of no service


def test_every_module_is_held_by_a_test_that_exists() -> None:
    assert {test for *_, test in TABLE if not (declared.ROOT / "tests" / "local" / test).exists()} == set()
