"""The rows of the two tables as readers see them, from the rows that the first pass put aside."""

import polars as pl

from sluice.contract import Contract
from sluice.lineage import Lineage
from sluice.personal import hashed
from sluice.whole_file import Plan, applied


def published_rows(contract: Contract, kept: pl.LazyFrame, whole: Plan, lineage: Lineage) -> pl.LazyFrame:
    """Return the published table's columns, in its order and types.

    kept: the contract's parsed columns, `_extra` when kept, and `_row_number`, of the rows that no other outdoes.
    """
    rows = kept.with_columns(applied(contract, whole)).with_columns(*hashed(contract), *lineage.columns)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in contract.published.items())


def quarantine_rows(contract: Contract, rows: pl.LazyFrame, lineage: Lineage) -> pl.LazyFrame:
    """Return the quarantine table's columns. rows: CleanBatch.quarantined's columns."""
    return rows.with_columns(lineage.columns).select(list(contract.quarantined))
