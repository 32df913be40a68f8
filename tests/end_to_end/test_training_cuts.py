"""Time travel and training cuts on a year of five shops, and the forecast of docs/forecast.md."""

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from cli.cuts.cut import CutDiffers
from cli.stack.connection import Stack, connect
from cli.stack.snapshots import NotAsOf
from local import LocalAWS, deploy, detached
from samples.grocery_files import shop_year
from tests.end_to_end.command import Command
from tests.end_to_end.conftest import ROOT

LARGEST, *_ = SHOPS = (367, 406, 356, 292, 381)
NOVEMBER = ("--train-until", "2017-11-01", "--test-from", "2017-11-01", "--gap", "7d")
SUM = "SELECT count(*) AS n, sum(sales_value) AS dollars FROM grocery"


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command on a local AWS whose only grocery rows are this module's."""
    with LocalAWS(wait_scale=0.02) as aws, pytest.MonkeyPatch.context() as patch:
        deploy(aws, ROOT / "template.yaml", stack="sluice")
        home = tmp_path_factory.mktemp("runtime")
        detached.remember(aws, state_home=home)
        patch.setenv("XDG_STATE_HOME", str(home))
        patch.delenv("SLUICE_STACK", raising=False)
        yield Command()


@pytest.fixture(scope="module")
def stack(sluice: Command) -> Stack:
    return connect(None, None, None)


def publish(sluice: Command, folder: Path, files: dict[int, list[str]]) -> dict[str, int]:
    """Send the files of shops in one run; return the published rows by source."""
    for shop, lines in files.items():
        path = folder / f"grocery/{shop}/2017-12-31.csv"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n")
    assert sluice.json("backfill", folder)["statuses"] == {"PUBLISHED": len(files)}
    entries = [sluice.json("show", f"grocery/{shop}/2017-12-31.csv")[0] for shop in files]
    return {entry["source"]: entry["published"] for entry in entries}


def now() -> str:
    time.sleep(0.01)
    return datetime.now(UTC).isoformat()


@pytest.fixture(scope="module")
def known(sluice: Command, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The time at which all shops' files were published, the rows then, and the first cut."""
    files = {shop: shop_year(shop) for shop in SHOPS}
    rows = publish(sluice, tmp_path_factory.mktemp("year"), files)
    at = now()
    return {
        "at": at,
        "rows": rows,
        "sum": sluice.json("query", SUM),
        "cut": sluice.json("cut", "nov", "-d", "grocery", "--known-at", at, *NOVEMBER),
    }


@pytest.fixture(scope="module")
def corrected(sluice: Command, known: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The time at which the largest shop had sent its file again, with the first half of its rows."""
    lines = shop_year(LARGEST)
    publish(sluice, tmp_path_factory.mktemp("corrected"), {LARGEST: lines[: len(lines) // 2]})
    return now()


def stored(stack: Stack, name: str) -> dict[str, bytes]:
    s3 = stack.client("s3")
    listed = s3.list_objects_v2(Bucket=stack.lake, Prefix=f"cuts/{name}/")["Contents"]
    return {each["Key"]: s3.get_object(Bucket=stack.lake, Key=each["Key"])["Body"].read() for each in listed}


def downloaded(stack: Stack, name: str, part: str, folder: Path) -> Path:
    for key, body in stored(stack, name).items():
        if f"/{part}/" in key:
            path = folder / part / key.rsplit("/", 1)[-1]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
    return folder / part


def test_the_account_of_a_cut_is_that_of_the_ledger(known: dict[str, Any]):
    rows = known["cut"]["rows"]
    assert rows["known"] == sum(known["rows"].values())
    assert rows["train"] + rows["test"] + rows["left_out"]["gap"] == rows["known"]
    assert {source: sum(parts.values()) for source, parts in known["cut"]["sources"].items()} == known["rows"]


def test_pandas_reads_the_parts_and_no_day_is_in_both(stack: Stack, known: dict[str, Any], tmp_path: Path):
    train, test = (pd.read_parquet(downloaded(stack, "nov", part, tmp_path)) for part in ("train", "test"))
    assert (len(train), len(test)) == (known["cut"]["rows"]["train"], known["cut"]["rows"]["test"])
    assert train["transaction_timestamp"].max() < pd.Timestamp("2017-10-25") < pd.Timestamp("2017-11-01")
    assert test["transaction_timestamp"].min() >= pd.Timestamp("2017-11-01")
    for part, rows in (("train", train), ("test", test)):
        (file,) = known["cut"][part]["files"]
        body = (tmp_path / part / file["name"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert rows.equals(rows.sort_values(["_source_key", "_row_number"]))


def test_the_forecast_of_the_documentation_has_the_errors_that_it_says(
    stack: Stack, known: dict[str, Any], tmp_path: Path
):
    page = (ROOT / "docs" / "forecast.md").read_text()
    code: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, code)  # noqa: S102 (our own page)
    train, test = (
        code["daily"](pl.read_parquet(downloaded(stack, "nov", part, tmp_path))) for part in ("train", "test")
    )
    found = {name: f"{error:.3f}" for name, error in code["errors"](train, test).items()}
    said = dict(re.findall(r"(by_\w+) (0\.\d{3})", page))
    assert found == said


def test_a_cut_is_the_same_after_a_correction_and_one_of_later_has_it(
    sluice: Command, stack: Stack, known: dict[str, Any], corrected: str
):
    before = stored(stack, "nov")
    again = sluice.json("cut", "nov", "-d", "grocery", "--known-at", known["at"], *NOVEMBER)
    assert again == {**known["cut"], "again": True}
    assert stored(stack, "nov") == before
    assert "THE SAME" in sluice("cut", "nov", "-d", "grocery", "--known-at", known["at"], *NOVEMBER).stdout
    later = sluice.json("cut", "later", "-d", "grocery", "--known-at", corrected, *NOVEMBER, "--key", "household_id")
    (source,) = (source for source in known["rows"] if f"/{LARGEST}/" in source)
    assert sum(later["sources"][source].values()) < 0.6 * known["rows"][source]
    others = {name: sum(parts.values()) for name, parts in later["sources"].items() if name != source}
    assert others == {name: rows for name, rows in known["rows"].items() if name != source}
    rows = later["rows"]
    assert rows["left_out"]["key_in_train"] > 0
    assert rows["known"] == rows["train"] + rows["test"] + sum(rows["left_out"].values())


def test_a_query_reads_what_readers_saw_at_a_time_or_a_tag(sluice: Command, known: dict[str, Any], corrected: str):
    assert sluice.json("query", SUM, "--as-of", known["at"]) == known["sum"]
    assert sluice.json("query", SUM, "--as-of", "cut-nov") == known["sum"]
    assert sluice.json("query", SUM, "--as-of", corrected) == sluice.json("query", SUM) != known["sum"]
    both = f"SELECT (SELECT count(*) FROM grocery) - (SELECT count(*) FROM grocery FOR VERSION AS OF {known['cut']['snapshot_id']}) AS more"  # noqa: S608, E501
    (row,) = sluice.json("query", both)
    assert int(row["more"]) < 0
    assert "50 rows" in sluice("query", "grocery", "--as-of", known["at"]).stdout


def test_what_is_not_known_of_a_time_is_refused(sluice: Command, known: dict[str, Any], corrected: str):
    with pytest.raises(NotAsOf, match="sales is a Parquet table"):
        sluice("query", "sales", "--as-of", known["at"])
    with pytest.raises(NotAsOf, match="its tags: cut-"):
        sluice("query", "grocery", "--as-of", "nope")
    with pytest.raises(NotAsOf, match="its first is of"):
        sluice("query", "grocery", "--as-of", "2020-01-01")
    with pytest.raises(NotAsOf, match="sales is a Parquet table"):
        sluice("cut", "x", "-d", "sales", "--known-at", known["at"], *NOVEMBER)
    with pytest.raises(CutDiffers, match="known_at"):
        sluice("cut", "nov", "-d", "grocery", "--known-at", corrected, *NOVEMBER)
    for wrong in (("--known-at", "7d"), ("--known-at", "2020"), ()):
        sluice("cut", "x", "-d", "grocery", *wrong, *NOVEMBER, code=2)
    sluice("cut", "No Name", code=2)


def test_verify_finds_no_difference_and_a_removed_cut_is_gone(sluice: Command, stack: Stack, corrected: str):
    sluice.json("cut", "short", "-d", "grocery", "--known-at", corrected, *NOVEMBER)
    assert sluice.json("cut", "short", "--remove") == {"removed": "short", "dataset": "grocery"}
    assert "Contents" not in stack.client("s3").list_objects_v2(Bucket=stack.lake, Prefix="cuts/short/")
    with pytest.raises(NotAsOf, match="no tag"):
        sluice("query", "grocery", "--as-of", "cut-short")
