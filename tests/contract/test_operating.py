"""docs/operations/README.md shows every command and names every option of it."""

import json
import re
from pathlib import Path

import pytest
import typer.main

from cli.main import app, load
from cli.stack.diagnose import WRITES

PAGE = (Path(__file__).parents[2] / "docs" / "operations" / "README.md").read_text()
COMMANDS = {name: load(name) for name in typer.main.get_command(app).commands}  # type: ignore[attr-defined]
ELSEWHERE = {"new", "explain", "diff", "report", "stream", "destroy", "smoke"}
"""Commands that another page documents; this one names them."""
EVERYWHERE = {"--help", "--json", "--stack", "--profile", "--region"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - ELSEWHERE))
def test_a_command_is_shown_with_its_output_and_all_its_options(name: str):
    shown = re.search(rf"^\$ sluice {name}\b.*\n(?!\$|```)", PAGE, re.MULTILINE)
    assert shown, f"no real output of sluice {name}"
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    negative = {option for parameter in COMMANDS[name].params for option in parameter.secondary_opts}
    named = set(re.findall(r"--[a-z][a-z-]*", PAGE))
    missing = {option for option in options - EVERYWHERE if option not in named and not (negative & named)}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(ELSEWHERE & set(COMMANDS)))
def test_a_command_of_another_page_is_named(name: str):
    assert f"`sluice {name}`" in PAGE


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_helps_with_exit_codes_and_an_example(name: str):
    text = COMMANDS[name].help or ""
    assert "Exit 0" in text
    assert f"Example: sluice {name}" in text


def test_the_options_of_all_commands_are_documented_once():
    for option in EVERYWHERE:
        assert f"`{option}" in PAGE or f" {option} " in PAGE


def test_the_doctor_asks_for_no_permission_that_operators_are_not_advised_to_have():
    policy = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    lists = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in policy["Statement"]]
    assert {action for calls in WRITES.values() for action, _ in calls} <= {action for each in lists for action in each}
