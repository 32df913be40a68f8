"""The tasks of the Spark engine, without Spark: what they stage, return and write."""

import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from sluice.clean.result import CleanBatch
from sluice.engines.impute import Plan
from sluice.engines.spark import clean_split
from sluice.engines.spark.clean_split import SplitJob, clean_splits
from sluice.engines.spark.files import LocalFolder
from sluice.engines.spark.splits import LocalOriginal, S3Original, Split, splits_of
from sluice.engines.spark.write_file import Target, WriteJob, targets_of, write_file
from sluice.read.csv_reader import Reader
from tests.spark.contracts import SALES
from tests.spark.engines import LINEAGE
from tests.unit.memory import text_kept_alive
from tests.unit.sales_rows import as_csv, written

DAYS = [{"sale_date": f"2025-0{1 + number % 3}-05"} for number in range(60)]


def split_job(tmp_path: Path, content: str) -> SplitJob:
    original = LocalOriginal(str(written(tmp_path, content)))
    with Reader(original.source(), SALES.reading.format) as reader:
        header = reader.header
    return SplitJob(SALES, original, [Split(0, None, 1)], header, {}, LocalFolder(str(tmp_path / "out")))


def cleaned(job: SplitJob) -> tuple[pl.DataFrame, list[dict]]:
    numbers = pa.RecordBatch.from_pydict({"id": list(range(len(job.splits)))})
    shuffled = pl.concat(pl.DataFrame(pl.from_arrow(batch)) for batch in clean_splits(job, [numbers]))
    accounts = [json.loads(text) for text in shuffled["account"].drop_nulls()]
    return shuffled.filter(pl.col("account").is_null()), accounts


def test_a_part_that_is_too_large_for_memory_is_written_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clean_split, "CHUNK_BYTES", 1)
    monkeypatch.setattr("sluice.engines.spark.splits.BATCH_ROWS", 20)
    shuffled, accounts = cleaned(split_job(tmp_path, as_csv(*DAYS)))
    rows = [account["account"]["rows_in"] for account in accounts]
    assert len(rows) > 3
    assert sum(rows) == 60
    assert [account["chunk"] for account in accounts[:3]] == [1, 1 + rows[0], 1 + rows[0] + rows[1]]
    assert shuffled["_row_number"].sort().to_list() == list(range(1, 61))
    assert [file["values"]["sale_month"] for file in accounts[0]["files"]] == ["2025-01", "2025-02", "2025-03"]


def test_a_task_that_runs_twice_leaves_the_same(tmp_path: Path):
    job = split_job(tmp_path, as_csv(*DAYS, {"quantity": "two"}))
    runs = []
    for _ in range(2):
        shuffled, _ = cleaned(job)
        files = {path.name: path.read_bytes() for path in sorted((tmp_path / "out" / "_work").iterdir())}
        runs.append((shuffled.to_dicts(), files))
    assert runs[0] == runs[1]
    assert len(runs[0][1]) == 4


def test_files_of_a_partition_are_filled_in_the_order_of_the_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sluice.engines.spark.write_file.FILE_ROWS", 100)

    def chunk(first: int, rows: int) -> dict:
        file = {"name": f"{first}.parquet", "values": {"m": "1"}, "rows": rows, "bytes": 10}
        return {"chunk": first, "files": [file], "quarantine": []}

    targets = targets_of([chunk(181, 40), chunk(1, 60), chunk(121, 60), chunk(61, 60)])
    assert [(target.number, target.members) for target in targets] == [
        (0, ((1, 0),)),
        (1, ((61, 0),)),
        (2, ((121, 0), (181, 0))),
    ]


def test_a_file_of_which_no_row_is_left_is_not_written(tmp_path: Path):
    job = split_job(tmp_path, as_csv({}))
    _, accounts = cleaned(job)
    targets = targets_of(accounts)
    made = WriteJob(SALES, job.folder, LINEAGE, Plan(), targets, "")
    assert targets == [Target("published", 0, (accounts[0]["files"][0]["name"],), ((1, 0),))]
    assert write_file(made, pa.table({"target": [0, 0], "_row_number": [None, 1]})).num_rows == 0
    assert write_file(made, pa.table({"target": [0], "_row_number": pa.array([None], pa.int64())})).num_rows == 1


def test_splits_cover_the_file_from_the_header_to_its_end():
    facts = {"splits": [[10, 1], [50, 4], [80, 9]], "bytes_in": 100}
    assert splits_of(facts) == [Split(10, 40, 1), Split(50, 30, 4), Split(80, 20, 9)]
    assert splits_of({"splits": [], "bytes_in": 100}) == [Split(0, None, 1)]


def test_a_store_that_answers_a_range_with_the_whole_object_is_refused(monkeypatch: pytest.MonkeyPatch):
    class Careless:
        def get_object(self, **_: str) -> dict:
            return {"Body": io.BytesIO(b"header\nrow 1\nrow 2\n"), "ContentLength": 19}

    monkeypatch.setattr("sluice.engines.spark.splits.s3", Careless)
    with pytest.raises(OSError, match="asked for 6 bytes from 7, got others"):
        S3Original("raw", "day.csv", "v1").open_range(7, 6)


def test_few_rows_left_of_a_batch_do_not_keep_its_text_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [{"transaction_id": f"T{number:040}", "is_test": "y" if number % 50 else ""} for number in range(5_000)]
    kept_alive = []

    def add(chunk: clean_split._Chunk, batch: CleanBatch) -> None:
        added(chunk, batch)
        kept_alive.append(text_kept_alive(chunk.good[-1]["transaction_id"]))

    added = clean_split._Chunk.add
    monkeypatch.setattr(clean_split._Chunk, "add", add)
    shuffled, _ = cleaned(split_job(tmp_path, as_csv(*rows)))
    assert shuffled.height == 100
    assert 4_100 < sum(kept_alive) < 20_000
