"""docs/operate.md shows every command and names every option of it."""

import re
from pathlib import Path

import pytest
import typer.main

from cli.main import app

PAGES = Path(__file__).parents[2] / "docs"
OPERATE = (PAGES / "operate.md").read_text()
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
ELSEWHERE = {"new", "explain", "diff", "report", "stream"}
"""Commands of which another page tells; this one names them."""
EVERYWHERE = {"--help", "--json", "--stack", "--profile", "--region"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ELSEWHERE))
def test_a_command_is_shown_with_its_output_and_all_its_options(name: str):
    shown = re.search(rf"^\$ sluice {name}\b.*\n(?!\$|```)", OPERATE, re.MULTILINE)
    assert shown, f"no real output of sluice {name}"
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    negative = {option for parameter in COMMANDS[name].params for option in parameter.secondary_opts}
    told = set(re.findall(r"--[a-z][a-z-]*", OPERATE))
    missing = {option for option in options - EVERYWHERE if option not in told and not (negative & told)}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(ELSEWHERE & set(COMMANDS)))
def test_a_command_of_another_page_is_named(name: str):
    assert f"`sluice {name}`" in OPERATE


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_helps_with_exit_codes_and_an_example(name: str):
    told = COMMANDS[name].help or ""
    assert "Exit 0" in told
    assert f"Example: sluice {name}" in told


def test_what_every_command_has_is_told_once():
    for option in EVERYWHERE:
        assert f"`{option}" in OPERATE or f" {option} " in OPERATE
