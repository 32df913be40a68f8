"""What every row of one source carries, so that it can be traced to a record of a file and to a run."""

from dataclasses import dataclass

import polars as pl


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
