"""Cleans a file with both engines, Spark in several splits, and compares their output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from samples.compare import differences, manifest_differences
from sluice.contract.model import Contract
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.engines.spark import engine
from sluice.engines.spark.files import LocalFolder
from sluice.engines.spark.splits import LocalOriginal
from sluice.manifest import Manifest
from sluice.read.open import open_reader
from sluice.read.source import FileSource, Limits

LINEAGE = Lineage(source_key="s3://raw/sales/S001/2025-03-05.csv", run_id="run-1", file_stem="abc", source_version="v1")


@dataclass(frozen=True)
class Both:
    """The manifests of both engines, and what differs between their outcomes."""

    polars: Manifest
    spark: Manifest
    differences: list[str]
    parts: int


def facts_with_splits(file: Path, contract: Contract, rows: int = 60) -> dict[str, Any]:
    """The facts of a validation report whose splits have only about `rows` rows."""
    limits = Limits(split_bytes=50 * rows)
    reader = open_reader(contract, FileSource(file), rows, limits)
    for _ in reader:
        pass
    return vars(reader.facts)


def on_spark(
    spark: SparkSession, contract: Contract, file: Path, out: Path, parts: Mapping[str, str] | None = None
) -> Manifest:
    job = engine.File(
        LocalOriginal(str(file)),
        LocalFolder(str(out)),
        LINEAGE,
        parts or {},
        facts_with_splits(file, contract),
        "of a test",
    )
    return engine.clean(spark, contract, job)


def on_both(
    spark: SparkSession, contract: Contract, file: Path, folder: Path, parts: Mapping[str, str] | None = None
) -> Both:
    left, right = folder / "polars", folder / "spark"
    ours = polars_engine.clean(contract, FileSource(file), left, lineage=LINEAGE, parts=parts, hash_key="of a test")
    theirs = on_spark(spark, contract, file, right, parts)
    found = differences(left, right) + manifest_differences(left, right)
    for name in ("files", "quarantine_files"):
        paths = [{file.path: file.rows for file in getattr(manifest, name)} for manifest in (ours, theirs)]
        if paths[0] != paths[1]:
            found.append(f"{name}: {paths[0]} against {paths[1]}")
    unexpected = [
        path.name for path in right.iterdir() if path.name not in ("published", "quarantine", "manifest.json")
    ]
    return Both(ours, theirs, found + unexpected, len(facts_with_splits(file, contract)["splits"]))
