"""Chooses rows for a dataset's good sample, and damages one by every rule for its bad sample."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cli.infer.columns import Column, Rule
from cli.infer.proposal import Proposal
from sluice.clean.batch import clean_batch
from sluice.contract.date_formats import written
from sluice.contract.facts import column_facts
from sluice.contract.model import Contract
from sluice.contract.values import parse
from sluice.read.header import match_header
from sluice.runtime.text import INVISIBLE, trimmed

ROWS = 40
_UNREAD = "no such value"


@dataclass(frozen=True)
class SampleFiles:
    """The text of good.csv and bad.csv, and (row number, reason) of every row of the bad one."""

    good: str
    bad: str
    expected: list[tuple[int, str]]


def sample_files(proposal: Proposal, contract: Contract) -> SampleFiles:
    """Return the samples. Values of personal columns are made up; all others are those of the files."""
    good = _made_anonymous(proposal, _chosen(proposal, _accepted(proposal, contract)))
    base = good.row(_fullest(good, proposal), named=True)
    damaged = list(_damaged(proposal, contract, base))
    bad = [[row[column.header] for column in proposal.columns] for row, _ in damaged]
    expected = [(number, reason) for number, (_, reason) in enumerate(damaged, start=1)]
    if len(proposal.columns) > 1:
        plain = [base[column.header] for column in proposal.columns]
        bad += [plain[:-1], [*plain, "surplus"]]
        expected += [(len(bad) - 1, "row_has_every_field"), (len(bad), "row_has_no_extra_field")]
    return SampleFiles(_csv(proposal, good.rows()), _csv(proposal, bad), expected)


def _accepted(proposal: Proposal, contract: Contract) -> pl.DataFrame:
    """Return the samples' rows that the contract publishes."""
    rows = proposal.samples.rows
    positions = {name: str(position) for position, name in enumerate(rows.columns)}  # a column may be _row_number
    numbered = rows.rename(positions).with_columns(_row_number=pl.int_range(rows.height, dtype=pl.Int64))
    header = match_header(contract, rows.columns)
    good = clean_batch(contract, header.select(contract, numbered)).good
    headers = {column.name: column.header for column in proposal.columns}
    chosen = rows[good["_row_number"].to_list()]
    key = [headers[name] for name in proposal.key.columns]
    return chosen.unique(key, keep="first", maintain_order=True) if key else chosen


def _chosen(proposal: Proposal, rows: pl.DataFrame) -> pl.DataFrame:
    """Return few rows that show much: the first, and of each column a gap, the extremes, each category."""
    wanted: dict[int, None] = dict.fromkeys(range(min(3, rows.height)))
    for column in proposal.columns:
        texts = rows[column.header].str.strip_chars(INVISIBLE)
        missing = texts.str.to_lowercase().is_in(list(proposal.markers.taken))
        shown = [missing.arg_true().head(1)]
        if column.rule and column.rule.values:
            shown.append(texts.arg_unique())
        elif column.dtype.is_numeric():
            numbers = parse(texts.str.replace(",", ".", literal=True), pl.Float64())
            shown += [numbers.arg_sort(nulls_last=True).head(1), numbers.arg_sort(descending=True).head(1)]
        for strptime in column.guess.formats:
            shown.append(parse(texts, column.dtype, (strptime,)).is_not_null().arg_true().head(1))
        wanted |= {int(index): None for indices in shown for index in indices}
    return rows[sorted(list(wanted)[:ROWS])]


def _made_anonymous(proposal: Proposal, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with made-up values where columns identify people or hold their numbers and dates."""
    made = [
        pl.Series(column.header, [_made_up(column, number, text) for number, text in enumerate(rows[column.header])])
        for column in proposal.columns
        if column.personal
    ]
    return rows.with_columns(made)


def _made_up(column: Column, number: int, text: str) -> str:
    """Return a value that the column's rules accept and that identifies nobody; a missing one stays missing."""
    if not trimmed(text):
        return text
    if column.dtype == pl.String():
        return f"user{number}@example.com" if "@" in text else f"{column.name}-{number}"
    if column.dtype == pl.Boolean():
        return "true"
    if column.dtype.is_temporal():
        strptime = column.guess.formats[0] if column.guess.formats else "%Y-%m-%d"
        return written(strptime, datetime(1990, 1, 1) + timedelta(days=number))
    if column.rule is None or column.rule.le is None:
        return str(20 + number)
    least = column.rule.ge or 0
    return str(least + number % (column.rule.le - least + 1))


def _fullest(rows: pl.DataFrame, proposal: Proposal) -> int:
    """Return the index of the row with the fewest gaps."""
    gaps = pl.sum_horizontal(pl.all().str.strip_chars(INVISIBLE).str.to_lowercase().is_in(list(proposal.markers.taken)))
    return int(rows.select(gaps.arg_min()).item())


def _damaged(proposal: Proposal, contract: Contract, base: dict[str, str]) -> Iterator[tuple[dict[str, str], str]]:
    """Yield rows with one fault each, and the reason for which they are quarantined."""
    facts = column_facts(contract.row.to_schema())
    for column in proposal.columns:
        for text, reason in _faults(column, facts[column.name]):
            yield {**base, column.header: text}, reason


def _faults(column: Column, facts: Iterable[str]) -> Iterator[tuple[str, str]]:
    kinds = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false", pl.Int64: "a_whole_number"}
    if not column.nullable:
        yield "", f"{column.name}_is_present"
    if column.dtype != pl.String():
        yield _UNREAD, f"{column.name}_is_{kinds.get(column.dtype.base_type(), 'a_number')}"
    for reason in facts:
        for text in _broken(column.rule) if column.rule else ():
            yield text, reason


def _broken(rule: Rule) -> list[str]:
    """Return values outside of the range or the set."""
    if rule.values:
        return [_UNREAD]
    below = [] if rule.ge is None else [rule.ge - 1]
    above = [] if rule.le is None else [rule.le + 1]
    return [str(number) for number in below + above]


def _csv(proposal: Proposal, rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=proposal.samples.format.delimiter, lineterminator="\n")
    writer.writerow([column.header for column in proposal.columns])
    writer.writerows(rows)
    return text.getvalue()
