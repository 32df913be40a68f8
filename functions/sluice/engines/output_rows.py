"""The rows of the published and the quarantine table, from the rows of the first pass."""

from dataclasses import dataclass

import polars as pl

from sluice.contract.model import Contract
from sluice.engines.impute import Plan, applied
from sluice.engines.pseudonymize import hashed


@dataclass(frozen=True)
class Lineage:
    """The lineage columns of a source's rows, and the stem of its files' names."""

    source_key: str
    run_id: str
    file_stem: str
    source_version: str = ""

    @property
    def columns(self) -> list[pl.Expr]:
        return [pl.lit(self.source_key).alias("_source_key"), pl.lit(self.run_id).alias("_run_id")]


def published_rows(
    contract: Contract, rows: pl.LazyFrame, whole: Plan, lineage: Lineage, *, hash_key: str
) -> pl.LazyFrame:
    """Return the published table's columns, in its order and types.

    rows: deduplicated, with the contract's parsed columns, `_extra` when kept, and `_row_number`.
    """
    complete = rows.with_columns(applied(contract, whole)).with_columns(*hashed(contract, hash_key), *lineage.columns)
    return complete.select(pl.col(name).cast(dtype) for name, dtype in contract.published.items())


def quarantine_rows(contract: Contract, rows: pl.LazyFrame, lineage: Lineage) -> pl.LazyFrame:
    """Return the quarantine table's columns. rows: CleanBatch.quarantined's columns."""
    return rows.with_columns(lineage.columns).select(list(contract.quarantined))
