"""The samples of the smoke test become what they plan, by the contract that is deployed."""

import io
from pathlib import Path

import polars as pl
import pytest

from cli.smoke.samples import BAD, BROKEN, CORRECTED, DATASET, GOOD, REDRIVEN, RETRACTED, Sample
from sluice.contract import registry
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.read.source import FileSource
from sluice.validate import validator


def as_file(folder: Path, sample: Sample) -> FileSource:
    path = folder / f"{sample.name}.csv"
    path.write_text(sample.text)
    return FileSource(path)


@pytest.mark.parametrize("sample", [GOOD, CORRECTED, BAD, REDRIVEN, RETRACTED], ids=lambda sample: sample.name)
def test_a_sample_is_accepted_and_becomes_its_plan(sample: Sample, tmp_path: Path):
    contract, source = registry.load(DATASET), as_file(tmp_path, sample)
    assert validator.check(contract, source, f"{DATASET}/trial/{sample.name}.csv").accepted
    lineage = Lineage(source_key="s3://raw/key", run_id="run", file_stem="0" * 16)
    manifest = polars_engine.clean(contract, source, tmp_path / "out", lineage=lineage)
    assert (manifest.rows_in, manifest.discarded) == (sample.rows, sample.discarded)
    published = [
        pl.read_parquet(file, hive_partitioning=True) for file in (tmp_path / "out/published").rglob("*.parquet")
    ]
    rows = {
        row["_row_number"]: (row["item_id"], row["colour"], str(row["amount"]), str(row["sold_on"]))
        for frame in published
        for row in frame.iter_rows(named=True)
    }
    assert rows == sample.published
    quarantine = [pl.read_parquet(file) for file in (tmp_path / "out/quarantine").glob("*.parquet")]
    reasons = {
        number: names for frame in quarantine for number, names in frame.select("_row_number", "_reasons").rows()
    }
    assert reasons == {number: [reason] for number, reason in sample.quarantined.items()}


def test_the_broken_sample_is_rejected_for_its_header(tmp_path: Path):
    report = validator.check(registry.load(DATASET), as_file(tmp_path, BROKEN), f"{DATASET}/trial/broken.csv")
    assert (report.accepted, [*report.reasons]) == (False, ["header_has_every_column"])


def test_the_corrected_sample_changes_a_row_drops_one_and_moves_one_to_another_month():
    assert set(GOOD.published.values()).isdisjoint(CORRECTED.published.values())
    assert not set(CORRECTED.months) <= set(GOOD.months)
    assert pl.read_csv(io.StringIO(GOOD.text)).columns == pl.read_csv(io.StringIO(CORRECTED.text)).columns
