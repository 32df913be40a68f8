"""`sluice up --keep`: what was deployed and published comes back after the local AWS ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import detached
from local.waiting import eventually

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "data" / "sales" / "good.csv"
SALES = "SELECT _source_key, sum(quantity) AS pieces FROM sales GROUP BY 1 ORDER BY 1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield tmp_path
    subprocess.run([sys.executable, "-c", "from cli.main import app; app()", "down"], cwd=ROOT, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": ".:functions:glue"}


def sluice(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-c", "from cli.main import app; app()", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def runs_of_sales() -> list[dict[str, object]]:
    return [run for run in json.loads(sluice("runs", "--json")) if run["dataset"] == "sales"]


@pytest.mark.timeout(500)
def test_what_is_published_can_be_queried_and_replaced_after_a_restart(home: Path, tmp_path: Path):
    sluice("up", "--keep")
    assert detached.kept_folder().stat().st_mode & 0o777 == 0o700
    for day in ("05", "06"):
        (tmp_path / f"{day}.csv").write_text(GOOD.read_text().replace("2025-03-05", f"2025-03-{day}"))
        sluice("put", str(tmp_path / f"{day}.csv"), "--key", f"sales/S001/2025-03-{day}.csv")
    before = json.loads(sluice("query", SALES, "--json"))
    s3 = detached.current().client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "rawbucket" in each["Name"])
    s3.put_object(Bucket=bucket, Key="elsewhere/a.txt", Body=b"1")
    s3.put_object(Bucket=bucket, Key="elsewhere/a.txt", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="elsewhere/a.txt")
    versions = [(each["Key"], each["VersionId"]) for each in s3.list_object_versions(Bucket=bucket)["Versions"]]
    runs = runs_of_sales()
    assert "are kept" in sluice("down")
    assert "has no local AWS" in sluice("down", code=1)

    sluice("up", "--keep")
    assert json.loads(sluice("query", SALES, "--json")) == before
    assert runs_of_sales() == runs
    s3 = detached.current().client("s3")
    found = s3.list_object_versions(Bucket=bucket)
    assert [(each["Key"], each["VersionId"]) for each in found["Versions"]] == versions
    assert [each["Key"] for each in found["DeleteMarkers"]] == ["elsewhere/a.txt"]
    oldest = s3.list_object_versions(Bucket=bucket, Prefix="elsewhere/")["Versions"][-1]
    assert s3.get_object(Bucket=bucket, Key=oldest["Key"], VersionId=oldest["VersionId"])["Body"].read() == b"1"
    (tmp_path / "05.csv").write_text("\n".join((tmp_path / "05.csv").read_text().splitlines()[:3]) + "\n")
    sluice("put", str(tmp_path / "05.csv"), "--key", "sales/S001/2025-03-05.csv")
    after = json.loads(sluice("query", SALES, "--json"))
    assert after[1] == before[1]
    assert after[0]["pieces"] < before[0]["pieces"]
    assert not any(json.loads(sluice("verify", "--json")).values())


@pytest.mark.timeout(300)
def test_what_was_killed_before_it_saved_is_not_brought_back_in_pieces(home: Path):
    sluice("up", "--keep")
    note = json.loads(detached.note_file().read_text())
    os.killpg(note["pid"], signal.SIGKILL)
    eventually(lambda: not detached._read(detached.note_file()).runs)  # type: ignore[union-attr]
    again = sluice("up", "--keep")
    assert "and its data are gone" in again
    assert "was not saved whole (it was killed)" in again
    assert json.loads(sluice("runs", "--json")) == []
    sluice("down")
    sluice("up")
    assert "keeps nothing: sluice down, then sluice up --keep" in sluice("up", "--keep", code=2)
