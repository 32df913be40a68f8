from typer.testing import CliRunner

from cli.main import app


def test_every_command_is_listed_in_a_group():
    result = CliRunner().invoke(app, ["--help"])
    assert " check " in result.stdout
    assert "─ Commands ─" not in result.stdout
