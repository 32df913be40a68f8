"""The measurements' own arithmetic: what is counted, summed up and priced."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from samples.compare import difference, manifest_differences
from sluice.contract.registry import load
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.read.source import FileSource
from tests.bench import jobs, large_object, parity, prices, trees
from tests.bench.figures import Comparison
from tests.bench.processes import Run, run
from tests.unit.sales_rows import as_csv, written

FIGURES = {
    "files": 1,
    "lambda": {"gb_seconds": 30.0, "calls": 10},
    "state_transitions": 20,
    "crawls": 0,
    "requests": {"s3:PutObject": 4, "s3:GetObject": 5, "athena:StartQueryExecution": 1},
}


def cleaned(folder: Path, name: str) -> Path:
    file = written(folder, as_csv(*[{} for _ in range(9)], {"quantity": "two"}))
    polars_engine.clean(load("sales"), FileSource(file), folder / name, lineage=Lineage("s3://raw/a.csv", "run-1", "a"))
    return folder / name


def test_rows_that_only_one_side_has_are_counted_on_both_sides(tmp_path: Path):
    ours, theirs = cleaned(tmp_path, "ours"), cleaned(tmp_path, "theirs")
    assert (difference(ours, theirs).rows, manifest_differences(ours, theirs)) == (0, [])
    path = next((theirs / "published").rglob("*.parquet"))
    changed = pl.when(pl.col("_row_number") < 4).then(pl.lit("S999")).otherwise("store_id")
    pl.read_parquet(path).with_columns(store_id=changed).write_parquet(path)
    assert difference(ours, theirs).rows == 2 * 3


def test_a_manifest_with_another_statistic_differs(tmp_path: Path):
    ours, theirs = cleaned(tmp_path, "ours"), cleaned(tmp_path, "theirs")
    manifest = theirs / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows_in": 10', '"rows_in": 11'))
    assert manifest_differences(ours, theirs) == ["rows_in: 10 against 11"]


def test_of_pyarrows_two_parses_one_takes_line_breaks_in_fields_wherever_it_cuts_the_file(tmp_path: Path):
    file = tmp_path / "notes.csv"
    file.write_text("a,b,c\n" + f'1,"of two\nlines",{"x" * 50}\n' * 60_000)
    quoted, bare = (jobs.JOBS[name]("sales", file, tmp_path) for name in ("parse_pyarrow_quoted", "parse_pyarrow"))
    assert quoted() == jobs.parse_polars("sales", file, tmp_path)() == {"rows": 60_000}
    with pytest.raises(ValueError, match="Expected 3 columns"):
        bare()


def test_a_check_is_held_against_the_fastest_parse_and_the_fastest_of_any_file():
    names = ("parse_polars", "parse_duckdb", "parse_pyarrow", "parse_pyarrow_quoted", "check")
    one = {job: Run(seconds, seconds, seconds, 0, {}) for job, seconds in zip(names, (4, 5, 2, 3, 6), strict=True)}
    compared = Comparison("a file", 1, [one])
    assert (compared.ratio_to_floor("check", lambda run: run.work), compared.check_to_any_file_parse()) == (3, 2)


def test_the_steps_of_a_cleaning_are_timed(tmp_path: Path):
    file = written(tmp_path, as_csv(*[{} for _ in range(9)], {"quantity": "two"}))
    found = run(["-m", "tests.bench.profiling", "sales", str(file)])
    assert all(seconds["wall"] > 0 for seconds in found.answer["steps"].values())


def test_a_tree_has_the_children_of_children_and_their_memory():
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with trees.Peak(process.pid) as peak:
            found = trees.tree(process.pid)
        process.communicate()
    assert [(one.pid, one.parent == process.pid) for one in found] == [(process.pid, False), (found[-1].pid, True)]
    assert peak.all > trees.resident_bytes(process.pid) == 0
    assert peak.java == 0


def test_a_gigabyte_of_small_files_pays_for_every_file_and_one_file_only_once_for_its_states():
    many = prices.of_a_gigabyte(FIGURES, 200_000_000)
    assert many["states"] == pytest.approx(5 * 20 * 0.000025)
    assert many["lambda"] == pytest.approx(5 * (30 * 0.0000166667 + 10 * 0.0000002))
    one = prices.of_a_gigabyte(FIGURES, 500_000_000, core_seconds=100)
    assert one["states"] == pytest.approx(20 * 0.000025)
    # 200 core-seconds here are 300 there, of which 4 cores waste a quarter: 100 s of 2 DPUs.
    assert one["job"] == pytest.approx(100 * 2 * 0.308 / 3600)
    assert one["all"] == pytest.approx(sum(value for name, value in one.items() if name != "all"))


def test_a_job_bills_a_minute_at_least():
    assert prices.job(1) == pytest.approx(60 * 2 * 0.308 / 3600)


def test_a_summary_has_medians_of_times_and_the_largest_peaks():
    def one(polars: float, spark: float, peak: int) -> dict:
        ratio = spark / polars
        times = {"polars_seconds": polars, "spark_seconds": spark, "spark_cpu_seconds": 1.0, "learn_seconds": 1.0}
        return {"rows": 5, "differences": [], **times, "ratio": ratio, "polars_peak_bytes": peak}

    told = parity.summary([one(1, 2, 10), one(2, 8, 30), one(4, 12, 20)])
    assert (told["polars_seconds"], told["spark_seconds"], told["ratio"]) == (2, 8, 3)
    assert (told["polars_peak_bytes"], told["rows"]) == (30, 5)
    assert parity.differing({"files": {"a": told, "b": {"differences": ["x"]}}}) == ["b"]


def test_a_validation_that_saw_other_rows_than_are_on_disk_is_no_measurement():
    def run(**answer: object) -> Run:
        return Run(1.0, 1.0, 1.0, 10, answer)

    judged = {"result": "accepted", "rows": 7, "would_quarantine": 1}
    same = {"validate": run(**judged), "check_on_disk": run(rows=7)}
    assert large_object.summary([same], file_bytes=70)["rows"] == 7
    for other in (
        {**same, "check_on_disk": run(rows=8)},
        {**same, "validate": run(**judged | {"result": "rejected"})},
    ):
        with pytest.raises(ValueError, match="validated as"):
            large_object.summary([same | other], file_bytes=70)
