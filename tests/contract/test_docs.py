"""Every code block of the documentation is run, or checked against the existing commands and formats."""

import dataclasses
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import typer.main
import yaml

import sluice.contract
from cli.commands.new import new
from cli.contracts.document import loaded
from cli.main import app, load
from sluice.contract import Contract, Outliers, Partition, Reading, TextFormat, Unique
from sluice.read.source import FileSource
from sluice.validate import validator
from tests.contract import declared
from tests.contract.outcome import outcome

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS = typer.main.get_command(app).commands.keys()  # type: ignore[attr-defined]
PROGRAMS = {"aws", "cat", "cp", "export", "git", "mkdir", "python", "sam", "source"}
"""Programs that a page may use and that are no part of the project."""
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HEREDOC = re.compile(r" <<'(\w+)'\n.*?\n\1\n", re.DOTALL)

SHELL, DATA, TEXT = {"bash", "console"}, {"json", "yaml", "sql", "toml"}, {"text"}


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
    odd = [str(block) for block in BLOCKS if block.language not in SHELL | DATA | TEXT | {"python"}]
    assert odd == [], "use ```text for what cannot be checked"


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


def test_commands_to_paste_fit_80_columns():
    pasted = [(str(block), line) for block in of({"bash"}) for line in block.text.splitlines()]
    pasted += [(str(block), line) for block in of({"console"}) for line in block.text.splitlines() if line[:2] == "$ "]
    assert [(block, line) for block, line in pasted if len(line) >= 80] == []


def test_the_commands_of_a_workflow_exist():
    examples = [yaml.safe_load(block.text) for block in of({"yaml"}) if "runs-on:" in block.text]
    workflows = [*examples, *(yaml.safe_load(path.read_text()) for path in WORKFLOWS)]
    assert len(workflows) == 2
    steps = [step for workflow in workflows for job in workflow["jobs"].values() for step in job["steps"]]
    for text in [step["run"] for step in steps if "run" in step]:
        for command in commands(text):
            check(command)


def test_the_hooks_before_a_commit_run_what_ci_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    ran = {
        step.get("run")
        for path in WORKFLOWS
        for step in yaml.safe_load(path.read_text())["jobs"]["lint-and-test"]["steps"]
    }
    assert {hook["entry"] for hook in hooks} <= ran


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell block; in `console` blocks those are the lines after `$`."""
    lines = HEREDOC.sub("\n", text).replace("\\\n", " ").splitlines()
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
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
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
    command = load(words[0])
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    used = {word.split("=")[0] for word in words[1:] if word.startswith("-") and word != "-"}
    assert used <= known, words


@pytest.mark.parametrize("block", of(DATA), ids=str)
def test_the_data_of_a_block_can_be_read(block: Block):
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "sql":
        assert sqlglot.parse(block.text, read="athena")
    else:
        assert yaml.safe_load(block.text) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path):
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_option_of_a_contract_is_on_its_page():
    page = (ROOT / "docs" / "contract.md").read_text()
    parts = [Contract, Reading, Unique, Outliers, Partition]
    options = {field.name for part in (*parts, TextFormat) for field in dataclasses.fields(part)}
    classes = {"Discard", "Constant", "Lowercase", "Uppercase", "MapValues", "Fill"}
    assert {name for name in options | classes if not re.search(rf"\b{name}\b", page)} == set()
    assert classes <= {*dir(sluice.contract)}


def test_every_command_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    assert {name for name in COMMANDS if f"sluice {name}" not in text} == set()


def test_every_parameter_of_the_template_is_documented():
    page = (ROOT / "docs" / "operations" / "environments.md").read_text()
    assert [name for name in declared.template()["Parameters"] if f"`{name}`" not in page] == []


def test_the_functions_of_the_template_are_those_that_the_page_of_sam_local_names():
    text = (ROOT / "docs" / "operations" / "sam-local.md").read_text()
    assert set(re.findall(r"\b[A-Z]\w*Function\b", text)) == set(declared.resources("AWS::Serverless::Function"))


def test_every_handler_is_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert {path.name for path in (ROOT / "functions").glob("*.py") if f"`{path.name}`" not in page} == set()


def test_every_room_of_the_package_is_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.stem for path in (ROOT / "functions" / "sluice").iterdir() if not path.stem.startswith("__")}
    assert {room for room in rooms if f"`{room}`" not in page} == set()


def test_every_module_that_the_architecture_walks_through_exists():
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:\w+/)+\w+)[`.]", page[page.index("## A walk") : page.index("## The local AWS")])
    modules = [name.removeprefix("functions/") for name in named]
    places = [ROOT / "functions", ROOT / "functions" / "sluice"]
    assert len(modules) > 25
    assert [name for name in modules if not any((place / f"{name}.py").exists() for place in places)] == []


def test_every_decision_is_in_the_index():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    assert [path.name for path in sorted(folder.glob("0*.md")) if f"]({path.name})" not in index] == []


def test_getting_started_shows_what_happens(tmp_path: Path):
    page = (ROOT / "docs" / "getting-started.md").read_text()
    files = next(block.text for block in of({"bash"}) if block.page == "docs/getting-started.md" and "<<" in block.text)
    subprocess.run(["bash", "-euc", files], cwd=tmp_path, check=True)
    new("orders", [tmp_path / "orders/2025-03-05.csv"], files="orders/{day:%Y-%m-%d}.csv", root=tmp_path, as_json=True)
    contract = loaded("orders", (tmp_path / "functions" / "datasets" / "orders.py").read_text())
    second = "orders/2025-03-06.csv"
    report = validator.check(contract, FileSource(tmp_path / second), second)
    assert f"{report.rows} rows: {report.rows - report.would_quarantine} good, 2 would be quarantined" in page
    assert report.reasons == {"quantity_is_a_whole_number": 1, "price_is_present": 1}
    made = outcome(contract, (tmp_path / second).read_text())
    assert (len(made.published), made.discarded) == (7, {"duplicate": 1})
    assert "10 rows = 7 published + 2 quarantined + 1 discarded" in page
