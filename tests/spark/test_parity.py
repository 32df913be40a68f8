"""Both engines say the same of every row."""

import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from backports import zstd
from pyspark.sql import SparkSession

from samples.grocery_files import shop_days
from samples.sales_files import Dirt, write_sales
from sluice.contract.registry import load, match
from sluice.engines import statistics
from sluice.errors import FileRejected
from tests.spark.contracts import BY_YEAR, SALES, VARIANTS
from tests.spark.engines import on_both, on_spark
from tests.unit.sales_rows import as_csv, written


def dirty(folder: Path, rows: int, seed: int) -> Path:
    path = folder / "day.csv"
    write_sales(path, rows, dirt=Dirt(ragged=0.02, multiline=0.02), seed=seed)
    return path


@pytest.mark.parametrize("seed", range(4))
def test_generated_dirt_ends_the_same(spark: SparkSession, tmp_path: Path, seed: int):
    both = on_both(spark, BY_YEAR, dirty(tmp_path, 600, seed), tmp_path)
    assert both.differences == []
    assert both.parts > 3
    assert both.spark.quarantined > 10
    assert both.spark.discarded["duplicate"] > 0


def test_every_month_of_two_years_ends_the_same(spark: SparkSession, tmp_path: Path):
    both = on_both(spark, SALES, dirty(tmp_path, 2_000, 99), tmp_path)
    assert both.differences == []
    assert len(both.spark.partitions) == 24


def test_real_grocery_rows_end_the_same(spark: SparkSession, tmp_path: Path):
    key, lines = max(shop_days([date(2017, 12, 30)], [367]), key=lambda file: len(file[1]))
    found = match(key)
    both = on_both(spark, load("grocery"), written(tmp_path, "\n".join(lines) + "\n"), tmp_path, found.parts)
    assert both.differences == []
    assert both.spark.rows_in == 402


PLAIN = as_csv(*[{"quantity": str(1 + number % 7)} for number in range(200)], {"quantity": "two"}, {"is_test": "y"})
BROKEN_LINES = '"two\nlines, ""quoted"""'
FORMS = {
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "CR": PLAIN.replace("\n", "\r").encode(),
    "a BOM": b"\xef\xbb\xbf" + PLAIN.encode(),
    "quoted newlines": PLAIN.replace("toys", BROKEN_LINES).encode(),
    "quoted CRLF": PLAIN.replace("toys", BROKEN_LINES).replace("\n", "\r\n").encode(),
    "ragged rows": PLAIN.replace("T50,", "T50,,").replace("T120,S001", "T120").replace("T7,", 'T7"x,').encode(),
    "a quote that never closes": PLAIN.replace("T60,", '"T60,').encode(),
    "no line end at the end": PLAIN.rstrip("\n").encode(),
    "blank lines": PLAIN.replace("\nT9", "\n\n  \nT9").encode(),
    "bytes that are no UTF-8": PLAIN.replace("T88,S001", "T88,S\x00").encode().replace(b"\x00", b"\xff"),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_text_end_the_same(spark: SparkSession, tmp_path: Path, form: str):
    both = on_both(spark, SALES, written(tmp_path, FORMS[form]), tmp_path)
    assert both.differences == []
    assert (both.spark.rows_in, both.parts > 2) == (202, True)
    assert both.spark.notes == []


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_compressed_file_ends_the_same_and_says_that_one_task_read_it(
    spark: SparkSession, tmp_path: Path, name: str, pack
):
    both = on_both(spark, SALES, written(tmp_path, pack(PLAIN.encode())), tmp_path)
    assert both.differences == []
    assert both.spark.notes == [f"a {name} file cannot be split: one task read it"]


def test_a_file_with_a_header_alone_ends_the_same(spark: SparkSession, tmp_path: Path):
    both = on_both(spark, SALES, written(tmp_path, as_csv()), tmp_path)
    assert both.differences == []
    assert (both.spark.rows_in, both.spark.files, both.spark.partitions) == (0, [], [])


def test_of_rows_with_one_key_the_latest_wins_then_the_last_wherever_they_stand(spark: SparkSession, tmp_path: Path):
    newer, older, none = ({"updated_at": at} for at in ("2025-03-06T10:00:00", "2025-03-04T10:00:00", ""))
    others = [{} for _ in range(150)]
    rows = [older, *others, newer, *others, none, *others, newer, older, none]
    rows = [row | ({"transaction_id": "same"} if row else {}) for row in rows]
    both = on_both(spark, SALES, written(tmp_path, as_csv(*rows)), tmp_path)
    assert both.differences == []
    published = pl.read_parquet(tmp_path / "spark" / "published" / "**" / "*.parquet")
    assert published.filter(transaction_id="same")["_row_number"].to_list() == [454]
    assert both.spark.discarded == {"duplicate": 5}


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_contracts_end_the_same(spark: SparkSession, tmp_path: Path, variant: str):
    assert on_both(spark, VARIANTS[variant], dirty(tmp_path, 400, 5), tmp_path).differences == []


def test_more_values_than_the_driver_counts_by_itself_end_the_same(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(statistics, "FEW_VALUES", 5)
    assert on_both(spark, BY_YEAR, dirty(tmp_path, 300, 3), tmp_path).differences == []


REFUSED = {
    "too many bad rows": (as_csv(*[{"quantity": "two"}] * 5, {}).encode(), "quarantined_share_is_within_limit"),
    "an archive cut short": (gzip.compress(PLAIN.encode())[:-30], "file_is_complete"),
    "a missing column": (PLAIN.replace("product_id", "sku", 1).encode(), "header_has_every_column"),
    "nothing": (b"", "file_is_not_empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_one_engine_rejects_the_other_rejects_and_leaves_nothing(spark: SparkSession, tmp_path: Path, case: str):
    content, reason = REFUSED[case]
    file = written(tmp_path, content)
    for clean in (on_both, on_spark):
        with pytest.raises(FileRejected) as rejected:
            clean(spark, SALES, file, tmp_path / "out")
        assert rejected.value.reason == reason
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
