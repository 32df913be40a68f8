"""The heart: one batch of text rows becomes typed good rows, quarantined rows with reasons, named discards.

A pure function of the contract and the batch. Both engines run it, so a rule exists once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import polars as pl

from sluice.checks import failing
from sluice.contract import EXTRA, Contract
from sluice.parsing import parse, unparsed_reasons

MASK = "***"
_SPELLED_OUT = 6


@dataclass(frozen=True)
class CleanBatch:
    """What became of a batch.

    good: the contract's parsed columns, typed (`_extra` when kept), and `_row_number` Int64.
    quarantined: the file's columns as text, `_raw` String, `_reasons` List(String), `_row_number` Int64.
    discarded: rows by the name of the rule that left them out.
    reasons: quarantined rows by reason; a row with two reasons counts in both.
    """

    good: pl.DataFrame
    quarantined: pl.DataFrame
    discarded: dict[str, int]
    reasons: dict[str, int]


def clean_batch(contract: Contract, rows: pl.DataFrame, parts: Mapping[str, str] | None = None) -> CleanBatch:
    """Clean the rows of one batch.

    rows: the contract's file columns (String, as in the file), `_extra` when kept, `_row_number` Int64.
    parts: what the file's key captured, for the columns that must equal it.
    Raises ContractInvalid when a check of the model cannot run.
    """
    text = _normalised(contract, rows)
    rule = _discarding_rule(contract, text)
    discarded = {
        contract.discard[index].name: count
        for index, count in rule.drop_nulls().value_counts().sort(rule.name).iter_rows()
    }
    if discarded:
        kept = rule.is_null()
        text, rows = text.filter(kept), rows.filter(kept)
    parsed = text.select(*_parsed(contract), *_carried(contract))
    failures = _failures(contract, text, parsed, parts or {})
    if not failures:
        return CleanBatch(parsed, _quarantined(contract, rows.clear(), {}), discarded, {})
    bad = pl.select(pl.any_horizontal(*failures.values())).to_series()
    quarantined = _quarantined(
        contract, rows.filter(bad), {name: cells.filter(bad) for name, cells in failures.items()}
    )
    reasons = {name: int(cells.sum()) for name, cells in failures.items()}
    return CleanBatch(parsed.filter(~bad), quarantined, discarded, reasons)


def quarantine_malformed(contract: Contract, malformed: pl.DataFrame) -> pl.DataFrame:
    """Return rows that could not be split as quarantined rows: no columns, but the raw text.

    malformed: `_row_number` Int64, `_raw` String, `_reason` String. Returns CleanBatch.quarantined's columns.
    """
    raw = pl.col("_raw") if not contract.personal else pl.lit(MASK).alias("_raw")
    return malformed.select(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in contract.file_columns),
        raw,
        pl.concat_list("_reason").alias("_reasons"),
        "_row_number",
    )


def _carried(contract: Contract) -> tuple[str, ...]:
    return (EXTRA, "_row_number") if contract.reading.unknown_columns == "keep" else ("_row_number",)


def _normalised(contract: Contract, rows: pl.DataFrame) -> pl.DataFrame:
    """Trim, tell null markers, then the contract's steps."""
    # In two steps: in one, each column would be trimmed twice.
    trimmed = rows.select(pl.col(contract.file_columns).str.strip_chars(), *_carried(contract))
    columns = []
    for name in contract.file_columns:
        told = _is_null_marker(pl.col(name), contract.reading.null_markers)
        column: pl.Expr = pl.when(~told).then(name)
        for step in contract.cleaning:
            if name in step.columns:
                column = step.apply(column)
        columns.append(column.alias(name))
    return trimmed.select(*columns, *_carried(contract))


def _is_null_marker(trimmed: pl.Expr, markers: tuple[str, ...]) -> pl.Expr:
    """Tell the markers in any case. Looking a cell up among all spellings is cheaper than lowering it."""
    spellings = [spelling for marker in markers if len(marker) <= _SPELLED_OUT for spelling in _spellings(marker)]
    long = [marker.strip().lower() for marker in markers if len(marker) > _SPELLED_OUT]
    told = trimmed.is_in(spellings)
    return told | trimmed.str.to_lowercase().is_in(long) if long else told


def _spellings(marker: str) -> Iterator[str]:
    letters = [sorted({letter.lower(), letter.upper()}) for letter in marker.strip()]
    return ("".join(spelling) for spelling in product(*letters))


def _discarding_rule(contract: Contract, text: pl.DataFrame) -> pl.Series:
    """Return the index of the first rule that discards each row, or null."""
    first: pl.Expr = pl.lit(None, dtype=pl.Int8)
    for index, rule in reversed(list(enumerate(contract.discard))):
        first = pl.when(rule.when).then(pl.lit(index, dtype=pl.Int8)).otherwise(first)
    return text.with_columns(first.alias("rule")).get_column("rule")


def _parsed(contract: Contract) -> list[pl.Expr]:
    return [
        pl.col(name).map_batches(_parser(contract, name, dtype), return_dtype=dtype, is_elementwise=True)
        if dtype != pl.String()
        else pl.col(name)
        for name, dtype in contract.parsed.items()
    ]


def _parser(contract: Contract, name: str, dtype: pl.DataType) -> Callable[[pl.Series], pl.Series]:
    forms = contract.reading.dates.get(name, ())
    comma = contract.reading.decimal_comma and dtype.is_numeric()

    def run(text: pl.Series) -> pl.Series:
        return parse(_with_point(text) if comma else text, dtype, forms)

    return run


def _with_point(text: pl.Series) -> pl.Series:
    """Return numbers written with a decimal comma with a point; one that has a point already is no such number."""
    return text.set(text.str.contains(".", literal=True), "not a number").str.replace(",", ".", literal=True)


def _failures(
    contract: Contract, text: pl.DataFrame, parsed: pl.DataFrame, parts: Mapping[str, str]
) -> dict[str, pl.Series]:
    """Return, by reason and in the order of the model's columns, which rows fail (Boolean, no nulls)."""
    failures: dict[str, dict[str, pl.Series]] = {name: {} for name in (*contract.parsed, "")}
    for name in contract.parsed:
        cells = (
            _with_point(text[name])
            if contract.reading.decimal_comma and parsed[name].dtype.is_numeric()
            else text[name]
        )
        failures[name] |= unparsed_reasons(name, cells, parsed[name])
    for name in contract.same_as_key:
        differs = (text[name] != parts[name]).fill_null(value=False) if name in parts else None
        if differs is not None and differs.any():
            failures[name][f"{name}_equals_key"] = differs
    for name, reason, failed in failing(contract, parsed):
        if reason.endswith("_is_present") and failures[name]:
            # A cell whose text did not parse is wrong, not missing.
            failed &= text[name].is_null()
            if not failed.any():
                continue
        failures[name][reason] = failed
    return {
        reason: cells.fill_null(value=False) for of_column in failures.values() for reason, cells in of_column.items()
    }


def _quarantined(contract: Contract, rows: pl.DataFrame, failures: dict[str, pl.Series]) -> pl.DataFrame:
    masked = [
        pl.when(pl.col(name).is_not_null()).then(pl.lit(MASK)).alias(name)
        if name in contract.personal
        else pl.col(name)
        for name in contract.file_columns
    ]
    return rows.select(
        *masked,
        pl.lit(None, dtype=pl.String).alias("_raw"),
        _reasons(failures),
        "_row_number",
    )


def _reasons(failures: dict[str, pl.Series]) -> pl.Series:
    """Return the reasons of each row, in the order of `failures`; every row has one."""
    if not failures:
        return pl.Series("_reasons", [], dtype=pl.List(pl.String))
    found = [
        pl.DataFrame({"row": cells.arg_true()}).with_columns(pl.lit(reason).alias("_reasons"))
        for reason, cells in failures.items()
    ]
    of_rows = pl.concat(found).sort("row", maintain_order=True).group_by("row", maintain_order=True).agg("_reasons")
    return of_rows.get_column("_reasons")
