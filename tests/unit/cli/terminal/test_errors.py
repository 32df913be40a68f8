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
    """Run the command; return standard error. It exits with 2."""
    monkeypatch.setattr(sys, "argv", ["sluice", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_missing_region_missing_credentials_and_an_unknown_profile_have_advice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    at = ("runs", "--stack", "prod")
    assert "Use --region, or set AWS_REGION" in refused(capsys, monkeypatch, *at)
    assert "Unable to locate credentials. Use --profile" in refused(capsys, monkeypatch, *at, "--region", "eu-west-1")
    assert "(nope) could not be found. aws configure list-profiles" in refused(
        capsys, monkeypatch, *at, "--profile", "nope"
    )


def test_a_path_that_cannot_be_written_is_an_error_without_traceback(
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


def test_the_doctor_reports_why_the_stack_cannot_be_reached_beside_its_other_findings():
    result = CliRunner().invoke(app, ["doctor", "--stack", "prod", "--json"])
    assert result.exit_code == 1
    assert '"what": "python"' in result.stdout
    assert "Use --region" in result.stdout


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ExpiredToken", "Sign in again"),
        ("UnrecognizedClientException", "aws configure list"),
        ("AccessDenied", "sluice doctor"),
        ("ValidationError", "try something else"),
    ],
)
def test_errors_of_aws_have_advice(code: str, advice: str):
    refusal = ClientError({"Error": {"Code": code, "Message": "try something else"}}, "DescribeStacks")
    assert advice in errors.advised(refusal)
    assert "AWS does not know" not in errors.advised(NoCredentialsError())
