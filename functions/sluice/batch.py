"""The heart: one batch of text rows becomes typed good rows, quarantined rows with reasons, named discards.

A pure function of the contract and the batch. Both engines run it, so a rule exists once.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from sluice.alone import one_alone
from sluice.cells import Cells, ReadCells, Unparsed
from sluice.checks import Checks
from sluice.contract import Contract
from sluice.parsing import unparsed_reasons

MASK = "***"


@dataclass(frozen=True)
class CleanBatch:
    """What became of a batch.

    rows_in: its records, counted before anything else: what became of them is held against this.
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
        """Return the same to hold on to: the few rows of a filtered frame keep the text of all of its rows alive."""
        few = 2 * self.good.height < self.rows_in
        return replace(self, good=_copied(self.good) if few else self.good, quarantined=_copied(self.quarantined))


class _Undiscarded(NamedTuple):
    """The rows that no rule discards. places: among the rows of the batch (UInt32), or None when all are kept;
    text: of the columns that must equal the key's parts; the others as ReadCells has them."""

    discarded: dict[str, int]
    places: pl.Series | None
    text: pl.DataFrame
    parsed: pl.DataFrame
    unparsed: dict[str, Unparsed]


def clean_batch(contract: Contract, rows: pl.DataFrame, parts: Mapping[str, str] | None = None) -> CleanBatch:
    """Clean the rows of one batch on its own; as Cleaner.clean."""
    return Cleaner(contract, parts).clean(rows)


class Cleaner:
    """Cleans the batches of a file, in one thread or in several. What becomes of a row depends on the row alone: only
    what the contract says is worked out once.

    parts: what the file's key captured, for the columns that must equal it.
    """

    def __init__(self, contract: Contract, parts: Mapping[str, str] | None = None) -> None:
        self._contract = contract
        self._parts = parts or {}
        self._cells = Cells(contract)
        self._checks = Checks(contract)
        self._rule = _discarding_rule(contract)

    def clean(self, rows: pl.DataFrame, malformed: pl.DataFrame | None = None) -> CleanBatch:
        """Clean the rows of one batch.

        rows: the contract's file columns (String, as in the file), `_extra` when kept, `_row_number` Int64.
        malformed: the records that could not be split (RawBatch.malformed), quarantined for the reason they bring.
        Raises ContractInvalid when a check of the model cannot run.
        """
        batch = self._cleaned(rows)
        return batch if malformed is None or malformed.is_empty() else _with_malformed(self._contract, batch, malformed)

    def _cleaned(self, rows: pl.DataFrame) -> CleanBatch:
        contract = self._contract
        discarded, places, text, parsed, unparsed = self._undiscarded(self._cells.read(rows))
        failures = self._failures(text, parsed, unparsed)
        if not failures:
            return CleanBatch(rows.height, parsed, _quarantined(contract, rows.clear(), {}), discarded, {})
        good = pl.repeat(value=True, n=parsed.height, dtype=pl.Boolean, eager=True)
        good = good.scatter(pl.concat(failures.values()), values=False)
        bad = (~good).arg_true()
        there = bad if places is None else places.gather(bad)
        quarantined = _quarantined(contract, pl.DataFrame([column.gather(there) for column in rows]), failures)
        reasons = {reason: len(rows_of_it) for reason, rows_of_it in failures.items()}
        return CleanBatch(rows.height, _only(parsed, good), quarantined, discarded, reasons)

    def _undiscarded(self, cells: ReadCells) -> _Undiscarded:
        """Leave out the rows that a rule discards."""
        contract = self._contract
        text = cells.text.select(contract.same_as_key)
        rule = one_alone(cells.text, self._rule)
        discarded = {
            named.name: count for index, named in enumerate(contract.discard) if (count := int((rule == index).sum()))
        }
        if not discarded:
            return _Undiscarded({}, None, text, cells.values, cells.unparsed)
        kept = rule.is_null()
        now = kept.cum_sum().cast(pl.UInt32) - 1
        unparsed = {name: wrong.among(kept, now) for name, wrong in cells.unparsed.items()}
        return _Undiscarded(discarded, kept.arg_true(), _only(text, kept), _only(cells.values, kept), unparsed)

    def _failures(
        self, text: pl.DataFrame, parsed: pl.DataFrame, unparsed: dict[str, Unparsed]
    ) -> dict[str, pl.Series]:
        """Return, by reason and in the order of the model's columns, the places of the rows that fail (UInt32).

        text: of the columns that must equal the key's parts.
        """
        contract, parts = self._contract, self._parts
        failures: dict[str, dict[str, pl.Series]] = {name: {} for name in (*contract.parsed, "")}
        for name, cells in unparsed.items():
            failures[name] |= unparsed_reasons(name, contract.parsed[name], cells.places, cells.text)
        for name in contract.same_as_key:
            differs = (text[name] != parts[name]).fill_null(value=False) if name in parts else None
            if differs is not None and differs.any():
                failures[name][f"{name}_equals_key"] = differs.arg_true()
        for name, reason, failed in self._checks.failing(parsed):
            if reason.endswith("_is_present") and name in unparsed:
                # A cell whose text did not parse is wrong, not missing.
                failed = failed.scatter(unparsed[name].places, values=False)
                if not failed.any():
                    continue
            failures[name][reason] = failed.arg_true()
        return {reason: places for of_column in failures.values() for reason, places in of_column.items()}


def _with_malformed(contract: Contract, batch: CleanBatch, malformed: pl.DataFrame) -> CleanBatch:
    bad = pl.concat([batch.quarantined, _quarantined_raw(contract, malformed)]).sort("_row_number")
    reasons = dict(Counter(batch.reasons) + Counter(malformed["_reason"].to_list()))
    return replace(batch, rows_in=batch.rows_in + malformed.height, quarantined=bad, reasons=reasons)


def _quarantined_raw(contract: Contract, malformed: pl.DataFrame) -> pl.DataFrame:
    """Return records that could not be split as quarantined rows: no columns, but the raw text."""
    raw = pl.col("_raw") if not contract.personal else pl.lit(MASK).alias("_raw")
    return malformed.select_seq(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in contract.file_columns),
        raw,
        pl.concat_list("_reason").alias("_reasons"),
        "_row_number",
    )


def _discarding_rule(contract: Contract) -> pl.Expr:
    """Tell the index of the first rule that discards a row of normalised text, or null."""
    first: pl.Expr = pl.lit(None, dtype=pl.Int8)
    for index, rule in reversed(list(enumerate(contract.discard))):
        first = pl.when(rule.when).then(pl.lit(index, dtype=pl.Int8)).otherwise(first)
    return first.alias("rule")


def _quarantined(contract: Contract, rows: pl.DataFrame, failures: dict[str, pl.Series]) -> pl.DataFrame:
    masked = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name)
        if name in contract.personal
        else pl.col(name)
        for name in contract.file_columns
    ]
    return rows.select_seq(
        *masked,
        pl.lit(None, dtype=pl.String).alias("_raw"),
        _reasons(failures),
        "_row_number",
    )


def _reasons(failures: dict[str, pl.Series]) -> pl.Series:
    """Return the reasons of each row that has any, by its place, in the order of `failures`."""
    if not failures:
        return pl.Series("_reasons", [], dtype=pl.List(pl.String))
    told = [reason for reason, places in failures.items() for _ in range(len(places))]
    found = pl.DataFrame({"place": pl.concat(failures.values()), "_reasons": told}).lazy()
    of_rows = found.sort("place", maintain_order=True).group_by("place", maintain_order=True).agg("_reasons")
    return of_rows.collect(engine="in-memory").get_column("_reasons")


def _only(frame: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    """Return the kept rows. In this thread, column by column: sharing them out costs more than filtering them."""
    return pl.DataFrame([column.filter(kept) for column in frame])


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a copy that shares no text."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns_seq(pl.concat_str(name, pl.lit("")).alias(name) for name in texts)
