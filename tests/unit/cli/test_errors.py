"""What a new user meets first: nothing to work on, no credentials, a path that cannot be written."""

import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from typer.testing import CliRunner

from cli.main import app, main
from cli.terminal import errors
from tests.unit.sales_rows import as_csv, written


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> str:
    """Run the program as a shell does; return what it says, and that it left with 2."""
    monkeypatch.setattr(sys, "argv", ["sluice", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_stack_without_a_region_or_credentials_or_profile_says_how_to_get_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    at = ("runs", "--stack", "prod")
    assert "Say --region, or set AWS_REGION" in refused(capsys, monkeypatch, *at)
    assert "Unable to locate credentials. Say --profile" in refused(capsys, monkeypatch, *at, "--region", "eu-west-1")
    assert "(nope) could not be found. aws configure list-profiles" in refused(
        capsys, monkeypatch, *at, "--profile", "nope"
    )


def test_a_path_that_cannot_be_written_is_told_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = written(tmp_path, as_csv({}))
    assert refused(capsys, monkeypatch, "explain", "sales", "--out", tmp_path) == f"error {tmp_path}: is a directory"
    nowhere = tmp_path / "none" / "sales.md"
    assert refused(capsys, monkeypatch, "explain", "sales", "--out", nowhere) == (
        f"error {nowhere}: no such file or directory"
    )
    blocked = file / "out"
    assert "not a directory" in refused(capsys, monkeypatch, "clean", file, "-d", "sales", "--out", blocked)


def test_the_doctor_finds_what_is_wrong_with_the_way_to_a_stack_and_goes_on():
    result = CliRunner().invoke(app, ["doctor", "--stack", "prod", "--json"])
    assert result.exit_code == 1
    assert '"what": "python"' in result.stdout
    assert "Say --region" in result.stdout


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ExpiredToken", "Sign in again"),
        ("UnrecognizedClientException", "aws configure list"),
        ("AccessDenied", "sluice doctor"),
        ("ValidationError", "try something else"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(code: str, advice: str):
    refusal = ClientError({"Error": {"Code": code, "Message": "try something else"}}, "DescribeStacks")
    assert advice in errors.told(refusal)
    assert "AWS does not know" not in errors.told(NoCredentialsError())


def test_every_command_stands_under_what_it_is_for():
    result = CliRunner().invoke(app, ["--help"])
    titles = ["On this machine", "A Sluice to work on", "Send", "Look", "Mend"]
    places = [result.stdout.index(f"─ {title}") for title in titles]
    assert places == sorted(places)
    assert "─ Commands ─" not in result.stdout
