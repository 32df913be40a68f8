"""The proposal of a contract: all that is inferred from the samples."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from cli.infer.columns import Column, column_of, table_names
from cli.infer.keys import Key, file_pattern, find_key, find_partition
from cli.infer.kinds import decimal_comma
from cli.infer.nulls import Markers, null_markers
from cli.infer.sampling import Samples
from cli.infer.totals import Totals, find_totals
from sluice.contract.declarations import Partition
from sluice.contract.values import parse
from sluice.runtime.text import INVISIBLE


@dataclass(frozen=True)
class Proposal:
    """What `sluice new` writes. columns: in the order of the files; samples: without the totals that are discarded."""

    dataset: str
    samples: Samples
    columns: tuple[Column, ...]
    markers: Markers
    comma: bool
    key: Key
    partition: Partition | None
    files: str
    files_are_given: bool = False
    totals: Totals | None = None


def propose(dataset: str, samples: Samples, nulls: Collection[str] = (), files: str | None = None) -> Proposal:
    """Infer a contract from samples. nulls, files: null markers and the naming convention, as far as known."""
    names = table_names(samples.rows.columns)
    totals = find_totals(samples, names)
    samples = totals.left_out(samples) if totals else samples
    trimmed = samples.rows.select(
        pl.col(header).str.strip_chars(INVISIBLE).alias(name) for header, name in names.items()
    )
    texts = {name: _distinct(trimmed[name]) for name in trimmed.columns}
    markers = null_markers(texts, nulls)
    texts = {name: _present(column, markers) for name, column in texts.items()}
    comma = samples.format.delimiter != "," and _writes_commas(texts)
    if comma:
        texts = {name: _with_points(column) for name, column in texts.items()}
    columns = tuple(column_of(name, header, texts[name], trimmed.height) for header, name in names.items())
    lower = pl.all().str.to_lowercase().is_in(list(markers.taken))
    rows = trimmed.with_columns(pl.when(~lower).then(pl.all()).name.keep())
    return Proposal(
        dataset=dataset,
        samples=samples,
        columns=columns,
        markers=markers,
        comma=comma,
        key=find_key(columns, rows),
        partition=find_partition(columns, _moments(columns, texts), trimmed.height),
        files=files or file_pattern(dataset, samples.paths),
        files_are_given=files is not None,
        totals=totals,
    )


def _distinct(column: pl.Series) -> pl.DataFrame:
    counted = column.to_frame("text").group_by("text", maintain_order=True).len("rows")
    return counted.with_columns(pl.col("rows").cast(pl.Int64))


def _present(texts: pl.DataFrame, markers: Markers) -> pl.DataFrame:
    return texts.filter(~pl.col("text").str.to_lowercase().is_in(list(markers.taken)))


def _writes_commas(texts: dict[str, pl.DataFrame]) -> bool:
    """Return whether numbers have a decimal comma: some do, and none has a point."""
    pointed = any(
        column.height and column["text"].str.contains(r"^[+-]?[0-9]+\.[0-9]+$").all() for column in texts.values()
    )
    return not pointed and any(column.height and decimal_comma(column["text"]) for column in texts.values())


def _with_points(texts: pl.DataFrame) -> pl.DataFrame:
    if not texts.height or not decimal_comma(texts["text"]):
        return texts
    return texts.with_columns(pl.col("text").str.replace(",", ".", literal=True))


def _moments(columns: tuple[Column, ...], texts: dict[str, pl.DataFrame]) -> dict[str, pl.Series]:
    return {
        column.name: parse(texts[column.name]["text"], column.dtype, column.guess.formats).drop_nulls()
        for column in columns
        if column.dtype.is_temporal()
    }
