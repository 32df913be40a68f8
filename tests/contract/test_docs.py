"""Every code block of the README and of docs/ is run, or checked against the commands and formats that there are."""

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import typer.main
import yaml

import sluice.contract
from cli.main import app
from sluice.contract import Contract, Outliers, Partition, Reading, TextFormat, Unique

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CLI = typer.main.get_command(app)
PROGRAMS = {"aws", "cd", "cp", "export", "git", "java", "sam", "npx", "python", "apt", "cat", "mkdir", "uv"}
"""Programs that a page may tell to run and that are no part of the project."""

SHELL, DATA, TOLD = {"bash", "sh", "console"}, {"json", "yaml", "sql", "toml"}, {"text", "csv", "html", "mermaid"}


@dataclass(frozen=True)
class Block:
    """A code block. line: of its fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        lines = page.read_text().splitlines()
        fences = [number for number, line in enumerate(lines) if re.match(r" *```", line)]
        assert len(fences) % 2 == 0, f"{page.name}: a code block is not closed"
        for start, end in zip(fences[::2], fences[1::2], strict=True):
            language = lines[start].strip().strip("`").split(" ")[0]
            text = "\n".join(lines[start + 1 : end]) + "\n"
            yield Block(str(page.relative_to(ROOT)), start + 1, language, text)


BLOCKS = list(blocks())


def of(languages: set[str]) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def test_every_block_says_what_it_is():
    odd = [str(block) for block in BLOCKS if block.language not in SHELL | DATA | TOLD | {"python"}]
    assert odd == [], "say ```text when it is nothing that can be checked"


@pytest.mark.parametrize("page", sorted({block.page for block in of({"python"})}))
def test_the_python_of_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICE_HASH_KEY", "for tests")
    names: dict[str, Any] = {"__name__": "docs"}
    for block in of({"python"}):
        if block.page == page:
            placed = "\n" * block.line + block.text  # so that a traceback tells the page's line
            exec(compile(placed, str(ROOT / page), "exec"), names)  # noqa: S102 (our own pages)


@pytest.mark.parametrize("block", of(SHELL), ids=str)
def test_the_commands_of_a_block_exist(block: Block):
    for command in commands(block.text):
        check(command)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell block; in `console` blocks those are the lines after `$`."""
    lines = text.replace("\\\n", " ").splitlines()
    shown = [line.lstrip("$ ") for line in lines if line.startswith("$ ")] or lines
    for line in shown:
        words = shlex.split(line, comments=True)
        while words:
            end = next((place for place, word in enumerate(words) if word in ("&&", "|", ";")), len(words))
            yield words[:end]
            words = words[end + 1 :]


def check(words: list[str]) -> None:
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words:
        return
    program = words[0].removeprefix(".venv/bin/")
    if program == "sluice":
        check_sluice(words[1:])
    elif program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), words
    elif program == "sam" and words[1:3] == ["local", "invoke"]:
        assert f"\n  {words[3]}:\n" in (ROOT / "template.yaml").read_text(), words
        assert (ROOT / words[words.index("--event") + 1]).exists(), words
    elif program == "python" and words[1] == "-m" and words[2] != "pytest":
        module = ROOT / words[2].replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), words
    else:
        assert program in PROGRAMS, words


def check_sluice(words: list[str]) -> None:
    if words in ([], ["--help"]):
        return
    command = CLI.commands[words[0]]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    used = {word.split("=")[0] for word in words[1:] if word.startswith("-") and word != "-"}
    assert used <= known, words


@pytest.mark.parametrize("block", of(DATA), ids=str)
def test_the_data_of_a_block_can_be_read(block: Block):
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "sql":
        assert sqlglot.parse(block.text, read="athena")
    else:
        assert yaml.safe_load(block.text) is not None


def test_links_lead_to_files():
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_option_of_a_contract_is_on_its_page():
    told = (ROOT / "docs" / "contract.md").read_text()
    parts = [Contract, Reading, Unique, Outliers, Partition]
    options = {field.name for part in (*parts, TextFormat) for field in dataclasses.fields(part)}
    classes = {"Discard", "Constant", "Lowercase", "Uppercase", "MapValues", "Fill"}
    assert {name for name in options | classes if not re.search(rf"\b{name}\b", told)} == set()
    assert classes <= {*dir(sluice.contract)}


def test_every_command_is_told_of():
    told = "".join(page.read_text() for page in PAGES)
    assert {name for name in CLI.commands if f"sluice {name}" not in told} == set()  # type: ignore[attr-defined]


def test_every_handler_has_its_place_in_the_architecture():
    told = (ROOT / "docs" / "architecture.md").read_text()
    assert {path.name for path in (ROOT / "functions").glob("*.py") if f"`{path.name}`" not in told} == set()
