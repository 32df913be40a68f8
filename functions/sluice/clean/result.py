"""The outcome of a batch: counts, and the good and quarantined rows on demand (a validation only counts)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from sluice.contract.declarations import MASK
from sluice.contract.model import Contract
from sluice.errors import FileRejected
from sluice.runtime.polars_columns import row_indices

TOO_MANY = "quarantined_share_is_within_limit"


@dataclass(frozen=True)
class CleanBatch:
    """What became of a batch.

    rows_in: its records, counted before anything else, so that the account can be balanced.
    good: the contract's parsed columns, typed (`_extra` when kept), and `_row_number` Int64.
    quarantined: the file's columns as text, `_raw` String, `_reasons` List(String), `_row_number` Int64.
    discarded: rows by the name of the rule that left them out.
    reasons: quarantined rows by reason; a row with two reasons counts in both.
    """

    rows_in: int
    good: pl.DataFrame
    quarantined: pl.DataFrame
    discarded: dict[str, int]
    reasons: dict[str, int]

    def on_its_own(self) -> "CleanBatch":
        """Return the same in memory of its own: few rows of a filtered frame keep the text of all its rows alive."""
        few = 2 * self.good.height < self.rows_in
        return replace(self, good=_copied(self.good) if few else self.good, quarantined=_copied(self.quarantined))


@dataclass(frozen=True)
class BatchResult:
    """The rows of a batch, and which of them fail.

    rows_in: all records. rows: as the file has them, with `_row_number`; malformed: the records that could not be split
        (RawBatch.malformed) and that no rule discards.
    discarded: rows by the name of the rule that leaves them out; remaining: the row indices of the others (UInt32), or
        None for all; parsed: the remaining rows, typed.
    failures: by reason, the row indices (UInt32) of the rows that fail, among the remaining rows.
    """

    contract: Contract
    rows_in: int
    rows: pl.DataFrame
    malformed: pl.DataFrame
    discarded: dict[str, int]
    remaining: pl.Series | None
    parsed: pl.DataFrame
    failures: Mapping[str, pl.Series]

    @property
    def quarantined_rows(self) -> int:
        return int(self._fails.sum()) + self.malformed.height

    @property
    def reasons(self) -> dict[str, int]:
        of_rows = Counter({reason: len(indices) for reason, indices in self.failures.items()})
        return dict(of_rows + Counter(self.malformed["_reason"].to_list()))

    def clean(self) -> CleanBatch:
        return CleanBatch(self.rows_in, self.good(), self.quarantined(), self.discarded, self.reasons)

    def good(self) -> pl.DataFrame:
        """Return the rows that fail nothing, as CleanBatch has them."""
        return filtered(self.parsed, ~self._fails) if self.failures else self.parsed

    def quarantined(self) -> pl.DataFrame:
        """Return the rows that fail and the malformed ones, as CleanBatch has them."""
        failed = self._failed().select_seq(
            *(_masked(self.contract, name) for name in self.contract.file_columns),
            pl.lit(None, dtype=pl.String).alias("_raw"),
            self._reasons(),
            "_row_number",
        )
        if self.malformed.is_empty():
            return failed
        return pl.concat([failed, _quarantined_raw(self.contract, self.malformed)]).sort("_row_number")

    def _failed(self) -> pl.DataFrame:
        if not self.failures:
            return self.rows.clear()
        failed = row_indices(self._fails)
        indices = failed if self.remaining is None else self.remaining[failed]
        return pl.DataFrame([column[indices] for column in self.rows])

    @cached_property
    def _fails(self) -> pl.Series:
        none = pl.repeat(value=False, n=self.parsed.height, dtype=pl.Boolean, eager=True)
        return none.scatter(pl.concat(self.failures.values()), values=True) if self.failures else none

    def _reasons(self) -> pl.Series:
        """Return the reasons of each row that has any, in the order of the rows and of `failures`."""
        if not self.failures:
            return pl.Series("_reasons", [], dtype=pl.List(pl.String))
        reasons = [reason for reason, indices in self.failures.items() for _ in range(len(indices))]
        found = pl.DataFrame({"index": pl.concat(self.failures.values()), "_reasons": reasons}).lazy()
        of_rows = found.sort("index", maintain_order=True).group_by("index", maintain_order=True).agg("_reasons")
        return of_rows.collect(engine="in-memory").get_column("_reasons")


def filtered(frame: pl.DataFrame, remaining: pl.Series) -> pl.DataFrame:
    """Return the remaining rows, filtered in this thread: batches are already cleaned in parallel."""
    return pl.DataFrame([column.filter(remaining) for column in frame])


def _masked(contract: Contract, name: str) -> pl.Expr:
    if name not in contract.personal:
        return pl.col(name)
    return pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name)


def _quarantined_raw(contract: Contract, malformed: pl.DataFrame) -> pl.DataFrame:
    """Return records that could not be split as quarantined rows: no columns, but the raw text."""
    raw = pl.col("_raw") if not contract.personal else pl.lit(MASK).alias("_raw")
    return malformed.select_seq(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in contract.file_columns),
        raw,
        pl.concat_list("_reason").alias("_reasons"),
        "_row_number",
    )


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a copy that shares no text."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns_seq(pl.concat_str(name, pl.lit("")).alias(name) for name in texts)


def refuse_share(contract: Contract, rows: int, quarantined: int, reasons: Mapping[str, int]) -> None:
    """Raise FileRejected when the share of quarantined rows is above the contract's limit."""
    if quarantined <= contract.quarantine_limit * rows:
        return
    most = sorted(reasons.items(), key=lambda item: -item[1])[:3]
    listed = ", ".join(f"{name} ({count:,})" for name, count in most)
    raise FileRejected(
        TOO_MANY,
        f"{quarantined:,} of {rows:,} rows ({quarantined / rows:.1%}) would be quarantined, the contract allows "
        f"{contract.quarantine_limit:.0%}: {listed}. Correct the file and upload it again under the same key",
    )
