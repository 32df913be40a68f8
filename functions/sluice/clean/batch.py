"""Cleans one batch: text rows become typed good rows, quarantined rows with reasons, and named discards.

A pure function of the contract and the batch. Both engines run it, so a rule exists once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from sluice.clean.checks import Checks
from sluice.clean.discards import Discards
from sluice.clean.lookalikes import NO_HEADER, repeated_headers, typographic_quotes
from sluice.clean.normalize import Cells, ReadCells, Unparsed
from sluice.clean.result import BatchResult, CleanBatch, filtered
from sluice.clean.unparsed import unparsed_reasons
from sluice.contract.model import Contract
from sluice.contract.partitions import unfit
from sluice.contract.values import parse
from sluice.read.csv_parser import MALFORMED_SCHEMA
from sluice.runtime.polars_columns import row_indices

_NONE_MALFORMED = pl.DataFrame(schema=MALFORMED_SCHEMA)


class _RemainingRows(NamedTuple):
    """The rows that no rule discards. indices: their row indices (UInt32), or None for all rows;
    text: of the columns that must equal the key's parts; the others as ReadCells has them."""

    discarded: dict[str, int]
    indices: pl.Series | None
    text: pl.DataFrame
    parsed: pl.DataFrame
    unparsed: dict[str, Unparsed]


def clean_batch(contract: Contract, rows: pl.DataFrame, parts: Mapping[str, str] | None = None) -> CleanBatch:
    """Clean the rows of one batch on its own; as Cleaner.clean."""
    return Cleaner(contract, parts).clean(rows)


class Cleaner:
    """Cleans the batches of a file, in one thread or in several. What becomes of a row depends on the row alone: only
    what follows from the contract is computed once.

    parts: what the file's key captured, for the columns that must equal it.
    """

    def __init__(self, contract: Contract, parts: Mapping[str, str] | None = None) -> None:
        self._contract = contract
        named = {name: part for name, part in (parts or {}).items() if name in contract.same_as_key}
        self._key_parts = {name: _value_of(contract, name, part) for name, part in named.items()}
        self._in_paths = [name for name in contract.partition_sources if contract.parsed[name] == pl.String()]
        self._cells = Cells(contract)
        self._checks = Checks(contract)
        self._discards = Discards(contract)

    def clean(self, rows: pl.DataFrame, malformed: pl.DataFrame = _NONE_MALFORMED) -> CleanBatch:
        """Clean the rows of one batch; as `validate`."""
        return self.validate(rows, malformed).clean()

    def validate(self, rows: pl.DataFrame, malformed: pl.DataFrame = _NONE_MALFORMED) -> BatchResult:
        """Return the outcome of the rows of one batch.

        rows: the contract's file columns (String, as in the file), `_extra` when kept, `_row_number` Int64.
        malformed: the records that could not be split (RawBatch.malformed), quarantined for their reason.
        Raises ContractInvalid when a check of the model cannot run.
        """
        rest = self._remaining_rows(self._cells.read(rows))
        failures = self._repeated_headers(rows, rest.indices) | self._failures(rest)
        discarded, left = self._discards.of_raw(malformed) if malformed.height else ({}, malformed)
        for name, count in rest.discarded.items():
            discarded[name] = discarded.get(name, 0) + count
        rows_in = rows.height + malformed.height
        return BatchResult(self._contract, rows_in, rows, left, discarded, rest.indices, rest.parsed, failures)

    def _repeated_headers(self, rows: pl.DataFrame, remaining: pl.Series | None) -> dict[str, pl.Series]:
        found = repeated_headers(self._contract, rows)
        if remaining is not None and len(found):
            found = row_indices(remaining.is_in(found.implode()))
        return {NO_HEADER: found} if len(found) else {}

    def _remaining_rows(self, cells: ReadCells) -> _RemainingRows:
        """Leave out the rows that a rule discards."""
        text = cells.text.select(self._contract.same_as_key)
        discarded, remaining = self._discards.of(cells.text)
        if remaining is None:
            return _RemainingRows({}, None, text, cells.values, cells.unparsed)
        new_indices = remaining.cum_sum().cast(pl.UInt32) - 1
        return _RemainingRows(
            discarded,
            row_indices(remaining),
            filtered(text, remaining),
            filtered(cells.values, remaining),
            {name: wrong.among(remaining, new_indices) for name, wrong in cells.unparsed.items()},
        )

    def _failures(self, rows: _RemainingRows) -> dict[str, pl.Series]:
        """Return, by reason and in the order of the model's columns, the indices of the rows that fail (UInt32)."""
        contract = self._contract
        failures: dict[str, list[tuple[str, pl.Series]]] = {name: [] for name in (*contract.parsed, "")}
        for name, cells in rows.unparsed.items():
            dtype = contract.parsed[name]
            failures[name] += unparsed_reasons(name, dtype, cells.indices, cells.text, contract.reading).items()
        for name, quoted in typographic_quotes(rows.parsed).items():
            failures[name].append((f"{name}_has_straight_quotes", quoted))
        for name, part in self._key_parts.items():
            differs = ((rows.text if isinstance(part, str) else rows.parsed)[name] != part).fill_null(value=False)
            if differs.any():
                failures[name].append((f"{name}_equals_key", row_indices(differs)))
        for name in self._in_paths:
            failed = unfit(name, rows.parsed[name])
            if failed.any():
                failures[name].append((f"{name}_is_a_partition_value", row_indices(failed)))
        for name, reason, failed in self._checks.failing(rows.parsed):
            if reason.endswith("_is_present") and name in rows.unparsed:
                # A cell whose text did not parse is wrong, not missing.
                failed = failed.scatter(rows.unparsed[name].indices, values=False)
                if not failed.any():
                    continue
            failures[name].append((reason, row_indices(failed)))
        united: dict[str, pl.Series] = {}
        for reason, indices in (failure for of_column in failures.values() for failure in of_column):
            # Two checks may have one name.
            united[reason] = pl.concat([united[reason], indices]).unique().sort() if reason in united else indices
        return united


def _value_of(contract: Contract, name: str, part: str) -> Any:
    """Return the value of a part of the file's key as its column has it, or its text where it is none."""
    dtype = contract.parsed.get(name, pl.String())
    formats = [found for pattern in contract.patterns if (found := pattern.formats.get(name))]
    formats += contract.reading.dates.get(name, ())
    pivot = contract.reading.century_pivots.get(name)
    value = parse(pl.Series([part]), dtype, formats, century_pivot=pivot).item()
    return part if value is None else value
