"""The rows of the two tables as readers see them, from the rows that the first pass put aside."""

from dataclasses import dataclass

import polars as pl

from sluice.contract.model import Contract
from sluice.engines.impute import Plan, applied
from sluice.engines.pseudonymize import hashed


@dataclass(frozen=True)
class Lineage:
    """What the rows of one source carry, and the stem of its files' names (the same for every version of it)."""

    source_key: str
    run_id: str
    file_stem: str
    source_version: str = ""

    @property
    def columns(self) -> list[pl.Expr]:
        return [pl.lit(self.source_key).alias("_source_key"), pl.lit(self.run_id).alias("_run_id")]


def published_rows(
    contract: Contract, kept: pl.LazyFrame, whole: Plan, lineage: Lineage, *, hash_key: str
) -> pl.LazyFrame:
    """Return the published table's columns, in its order and types.

    kept: the contract's parsed columns, `_extra` when kept, and `_row_number`, of the rows that no other outdoes.
    """
    rows = kept.with_columns(applied(contract, whole)).with_columns(*hashed(contract, hash_key), *lineage.columns)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in contract.published.items())


def quarantine_rows(contract: Contract, rows: pl.LazyFrame, lineage: Lineage) -> pl.LazyFrame:
    """Return the quarantine table's columns. rows: CleanBatch.quarantined's columns."""
    return rows.with_columns(lineage.columns).select(list(contract.quarantined))
