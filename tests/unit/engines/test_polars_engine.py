import dataclasses
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from sluice.contract.declarations import Constant, Outliers
from sluice.contract.model import Contract
from sluice.contract.registry import load
from sluice.engines import deduplicate, polars_engine, polars_statistics
from sluice.engines.spill import Spill
from sluice.errors import FileRejected, HashKeyMissing
from sluice.manifest import Manifest
from sluice.read.source import FileSource
from tests.unit.memory import text_kept_alive
from tests.unit.sales_rows import HEADER, as_csv, written

SALES = load("sales")
LINEAGE = polars_engine.Lineage(source_key="s3://raw/sales/S001/2025-03-05.csv", run_id="run-1", file_stem="abc")


def cleaned(
    tmp_path: Path, content: str | bytes, contract: Contract = SALES, hash_key: str = ""
) -> tuple[Manifest, Path]:
    out = tmp_path / "out"
    return polars_engine.clean(
        contract, FileSource(written(tmp_path, content)), out, lineage=LINEAGE, hash_key=hash_key
    ), out


def published(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "published" / "**" / "*.parquet", hive_partitioning=True).sort("_row_number")


def test_every_row_is_published_quarantined_or_discarded_by_name(tmp_path: Path):
    rows = [{}, {"quantity": "two"}, {"is_test": "y"}, {"transaction_id": "T1"}, {}, {}, {}, {}, {}, {}]
    manifest, out = cleaned(tmp_path, as_csv(*rows))
    assert (manifest.rows_in, manifest.published, manifest.quarantined) == (10, 7, 1)
    assert manifest.discarded == {"test_transaction": 1, "duplicate": 1}
    assert manifest.reasons == {"quantity_is_a_whole_number": 1}
    assert published(out)["_row_number"].to_list() == [4, 5, 6, 7, 8, 9, 10]
    assert json.loads((out / "manifest.json").read_text()) == manifest.to_dict()
    assert Manifest.from_dict(manifest.to_dict()) == manifest


def test_published_rows_tell_where_they_come_from(tmp_path: Path):
    _, out = cleaned(tmp_path, as_csv({}))
    row = published(out).row(0, named=True)
    assert (row["_source_key"], row["_run_id"], row["_row_number"]) == (LINEAGE.source_key, "run-1", 1)


def test_files_are_partitioned_and_named_after_the_source(tmp_path: Path):
    manifest, out = cleaned(tmp_path, as_csv({}, {"sale_date": "2025-04-01"}, {"sale_date": "04/02/2025"}))
    assert [file.path for file in manifest.files] == [
        "published/sale_month=2025-03/abc-000.parquet",
        "published/sale_month=2025-04/abc-000.parquet",
    ]
    assert [(part.path, part.rows) for part in manifest.partitions] == [
        ("sale_month=2025-03", 1),
        ("sale_month=2025-04", 2),
    ]
    assert published(out)["sale_month"].to_list() == ["2025-03", "2025-04", "2025-04"]


def test_a_quarantined_row_keeps_its_text_and_tells_why(tmp_path: Path):
    rows = as_csv(*[{}] * 8, {"product_id": " null "}) + "too,few\n"
    manifest, out = cleaned(tmp_path, rows)
    bad = pl.read_parquet(out / "quarantine" / "*.parquet")
    assert manifest.quarantined == 2
    assert bad.select("_row_number", "product_id", "_raw", "_reasons").rows() == [
        (9, " null ", None, ["product_id_is_present"]),
        (10, None, "too,few", ["row_has_every_field"]),
    ]


def test_missing_values_get_the_files_median_and_mean(tmp_path: Path):
    rows = [
        {"quantity": "1", "unit_price": "1.00", "customer_age": "20"},
        {"quantity": "2", "unit_price": "2.01", "customer_age": "21"},
        {"quantity": "", "unit_price": "", "customer_age": ""},
    ]
    _, out = cleaned(tmp_path, as_csv(*rows))
    # Medians 1.5 and 1.505 and mean 20.5, rounded half away from zero.
    assert (
        published(out).row(2, named=True).items()
        >= {"quantity": 2, "unit_price": Decimal("1.51"), "customer_age": 21}.items()
    )


def test_statistics_are_taken_after_deduplication(tmp_path: Path):
    rows = [{"quantity": "900"}, {"transaction_id": "T1", "quantity": "4"}, {"quantity": ""}]
    _, out = cleaned(tmp_path, as_csv(*rows))
    assert published(out)["quantity"].to_list() == [4, 4]


def test_outliers_are_flagged_and_stay(tmp_path: Path):
    rows = [{"unit_price": "10.00", "quantity": "5"}] * 30 + [
        {"unit_price": "99.00", "quantity": "900"},
        {"unit_price": ""},
    ]
    _, out = cleaned(tmp_path, as_csv(*rows))
    flags = published(out).select("price_is_outlier", "quantity_is_outlier")
    assert flags["price_is_outlier"].to_list() == [False] * 30 + [True, False]
    assert flags["quantity_is_outlier"].to_list() == [False] * 30 + [True, False]


def test_outliers_can_be_clipped(tmp_path: Path):
    contract = dataclasses.replace(SALES, outliers=(*SALES.outliers, Outliers("quantity", iqr=1.5, clip=True)))
    _, out = cleaned(tmp_path, as_csv(*[{"quantity": "5"}] * 9, {"quantity": "900"}), contract)
    assert published(out)["quantity"].to_list() == [5] * 10


def test_a_mode_or_a_constant_can_be_imputed(tmp_path: Path):
    contract = dataclasses.replace(SALES, impute={"category": "mode", "unit_price": Constant("7.5")})
    rows = [{"category": "toys"}, {"category": "games"}, {"category": "toys"}, {"category": "", "unit_price": ""}]
    _, out = cleaned(tmp_path, as_csv(*rows), contract)
    assert published(out).row(3, named=True).items() >= {"category": "toys", "unit_price": Decimal("7.50")}.items()


def test_columns_without_any_value_stay_empty(tmp_path: Path):
    manifest, out = cleaned(tmp_path, as_csv({"quantity": "", "unit_price": "", "customer_age": ""}))
    row = published(out).row(0, named=True)
    assert (row["quantity"], row["price_is_outlier"], manifest.statistics) == (None, False, {})


def test_too_many_bad_rows_reject_the_file_and_leave_nothing(tmp_path: Path):
    with pytest.raises(FileRejected, match="2 of 9 rows") as rejected:
        cleaned(tmp_path, as_csv(*[{}] * 7, *[{"channel": "fax"}] * 2))
    assert rejected.value.reason == "quarantined_share_is_within_limit"
    assert list((tmp_path / "out").rglob("*.*")) == []


def test_a_fifth_of_bad_rows_is_still_accepted(tmp_path: Path):
    manifest, _ = cleaned(tmp_path, as_csv(*[{}] * 8, *[{"channel": "fax"}] * 2))
    assert (manifest.published, manifest.quarantined) == (8, 2)


def test_a_file_without_rows_publishes_none(tmp_path: Path):
    manifest, out = cleaned(tmp_path, HEADER + "\n")
    assert (manifest.rows_in, manifest.published, manifest.files) == (0, 0, [])
    assert (out / "manifest.json").exists()


def test_every_row_can_be_quarantined_or_discarded_away(tmp_path: Path):
    manifest, _ = cleaned(tmp_path, as_csv({"is_test": "1"}, {"is_test": "1"}))
    assert (manifest.published, manifest.discarded) == (0, {"test_transaction": 2})


def test_personal_columns_are_published_hashed_or_not_at_all(tmp_path: Path):
    contract = dataclasses.replace(SALES, personal={"store_id": "hash", "customer_age": "drop"})
    with pytest.raises(HashKeyMissing):
        cleaned(tmp_path, as_csv({}), contract)
    _, out = cleaned(tmp_path, as_csv({}, {}, {"store_id": "S002"}), contract, hash_key="secret")
    stores = published(out)["store_id"].to_list()
    assert stores[0] == stores[1] != stores[2]
    assert {len(store) for store in stores} == {64}
    assert "customer_age" not in published(out).columns


def test_statistics_of_personal_columns_are_applied_and_not_in_the_manifest(tmp_path: Path):
    outliers = (*SALES.outliers, Outliers("customer_age", iqr=1.5, clip=True))
    contract = dataclasses.replace(SALES, outliers=outliers, personal={"customer_age": "keep"})
    manifest, out = cleaned(
        tmp_path, as_csv({"customer_age": "44"}, {"customer_age": "44"}, {"customer_age": ""}), contract
    )
    assert set(manifest.statistics) == {"quantity", "unit_price"}
    assert published(out)["customer_age"].to_list() == [44, 44, 44]


def test_spilling_and_buckets_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [
        {"transaction_id": f"T{key}", "quantity": str(n // 40 or ""), "sale_date": f"2025-0{n % 9 + 1}-01"}
        for n, key in ((n, min(n, n % 40 + 160)) for n in range(400))
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, whole_out = cleaned(tmp_path / "a", as_csv(*rows))
    monkeypatch.setattr(polars_engine, "HELD_BYTES", 8_000)
    monkeypatch.setattr(polars_engine, "FILE_BYTES", 4_000)
    monkeypatch.setattr(polars_engine, "BATCH_ROWS", 32)
    monkeypatch.setattr(deduplicate, "HASHES", 150)
    monkeypatch.setattr(deduplicate, "BUCKET_ROWS", 50)
    monkeypatch.setattr(polars_statistics, "_PART_ROWS", 50)
    batches, batches_out = cleaned(tmp_path / "b", as_csv(*rows))
    assert batches.discarded == whole.discarded == {"duplicate": 200}
    assert batches.statistics == whole.statistics != {}
    assert published(batches_out).equals(published(whole_out))


def test_few_rows_left_of_a_batch_do_not_keep_its_text_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [{"transaction_id": f"T{number:040}", "is_test": "y" if number % 50 else ""} for number in range(5_000)]
    kept_alive: dict[str, int] = {}

    def append(spill: Spill, frame: pl.DataFrame) -> None:
        kept_alive[spill.folder.name] = text_kept_alive(frame["transaction_id"])
        appended(spill, frame)

    appended = Spill.append
    monkeypatch.setattr(Spill, "append", append)
    manifest, _ = cleaned(tmp_path, as_csv(*rows))
    assert (manifest.published, manifest.discarded) == (100, {"test_transaction": 4_900})
    assert 4_100 < kept_alive["good"] < 20_000


def test_batches_cleaned_in_parallel_are_accounted_for_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    changes = [{}, {"quantity": "two"}, {"sale_date": " 03/05/2025 "}, {"is_test": "yes"}, {}, {"unit_price": "-"}, {}]
    rows = [changes[number % 7] for number in range(600)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, whole_out = cleaned(tmp_path / "a", as_csv(*rows))
    monkeypatch.setattr(polars_engine, "BATCH_ROWS", 16)
    batches, batches_out = cleaned(tmp_path / "b", as_csv(*rows))
    assert (batches.rows_in, batches.published, batches.quarantined) == (600, 428, 86)
    assert batches.discarded == whole.discarded == {"test_transaction": 86}
    assert batches.reasons == whole.reasons == {"quantity_is_a_whole_number": 86}
    assert published(batches_out).equals(published(whole_out))
    refused = [pl.read_parquet(out / "quarantine" / "*.parquet") for out in (batches_out, whole_out)]
    assert refused[0].equals(refused[1])
    assert refused[0]["_row_number"].to_list() == list(range(2, 601, 7))
