"""A dataset's samples: every row of the good one is accepted, each row of the bad one fails for the written reasons."""

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from sluice.contract.facts import column_facts, row_facts
from sluice.contract.model import Contract
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.manifest import Manifest
from sluice.read.source import FileSource

DATA = Path(__file__).parents[1] / "data"
_PARSED = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false"}


def cleaned(contract: Contract, folder: Path, sample: str, out: Path) -> Manifest:
    """Clean a sample, whatever share of it is bad, under the key that the file `key` names, if there is one."""
    lenient = dataclasses.replace(contract, quarantine_limit=1.0)
    lineage = Lineage(source_key=sample, run_id="samples", file_stem="sample")
    return polars_engine.clean(
        lenient,
        FileSource(folder / sample),
        out,
        lineage=lineage,
        parts=_parts(contract, folder),
        hash_key="of a test",
    )


def _parts(contract: Contract, folder: Path) -> Mapping[str, str]:
    if not (folder / "key").exists():
        return {}
    key = (folder / "key").read_text().strip()
    return next(parts for pattern in contract.patterns if (parts := pattern.match(key)))


def advice(dataset: str) -> str:
    """Return what to do when the samples do not fit the contract any more."""
    command = f"sluice new {dataset} FILES --resample"
    return f"after an edit of the contract, make its samples again: {command} (or edit tests/data/{dataset}/ by hand)"


def sample(contract: Contract, name: str) -> str:
    """Return a sample's file name: good or bad, in the format that the contract reads."""
    return f"{name}.jsonl" if contract.reads_objects else f"{name}.csv"


def quarantined(out: Path) -> dict[int, list[str]]:
    """Return row number → reasons, in order of names."""
    rows = pl.concat(pl.read_parquet(file) for file in (out / "quarantine").glob("*.parquet"))
    return {number: sorted(reasons) for number, reasons in rows.select("_row_number", "_reasons").iter_rows()}


def expected(folder: Path) -> dict[int, list[str]]:
    with (folder / "bad.expected.csv").open(newline="") as file:
        return {int(row["row_number"]): sorted(row["reasons"].split()) for row in csv.DictReader(file)}


def reasons_of(contract: Contract) -> set[str]:
    """Return every reason for which the contract can quarantine a row that has all its fields, but sizes."""
    reasons = {f"{name}_equals_key" for name in contract.same_as_key}
    facts = column_facts(contract.row.to_schema())
    for name, dtype in contract.parsed.items():
        reasons |= facts[name].keys()
        if not contract.row_schema.columns[name].nullable:
            reasons.add(f"{name}_is_present")
        if dtype != pl.String():
            number = "a_whole_number" if dtype.is_integer() else "a_number"
            reasons.add(f"{name}_is_{_PARSED.get(dtype.base_type(), number)}")
    return reasons | row_facts(contract.row.to_schema()).keys()
