"""Chooses rows for a dataset's good sample, and damages one by every rule for its bad sample.

All follows from the contract and the files, so that samples can be made again after the contract was edited.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from cli.infer.sampling import SampleRefused, Samples
from sluice.clean.batch import clean_batch
from sluice.contract.date_formats import written
from sluice.contract.facts import column_facts, row_facts
from sluice.contract.model import Contract
from sluice.contract.values import parse
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.manifest import Manifest
from sluice.read.header import match_header
from sluice.read.source import FileSource
from sluice.runtime.text import INVISIBLE, trimmed

ROWS = 40
_UNREAD = "no such value"
_FAULTS = ("", _UNREAD, "-1", "0", "0.5", "x" * 300)
_KINDS = {pl.Date: "a_date", pl.Datetime: "a_timestamp", pl.Boolean: "true_or_false"}


@dataclass(frozen=True)
class SampleFiles:
    """The text of good.csv and bad.csv, and (row number, reasons) of every row of the bad one.

    unshown: reasons for which no row could be made.
    """

    good: str
    bad: str
    expected: list[tuple[int, str]]
    unshown: tuple[str, ...]


def sample_files(
    samples: Samples,
    contract: Contract,
    *,
    parts: Mapping[str, str] | None = None,
    former_bad: pl.DataFrame | None = None,
) -> SampleFiles:
    """Return the samples. Values of personal columns are made up; all others are those of the files.

    parts: what the key of the sample files says, for `same_as_key`. former_bad: rows of the former bad sample, under
    its header's names: those that show what the contract's checks of a person's own name stay.
    Raises SampleRefused, FileRejected.
    """
    chooser = _Chooser(samples, contract, dict(parts or {}))
    good = chooser.good()
    bad, unshown = chooser.bad(good.rows(named=True), former_bad)
    text = chooser.csv(bad)
    reasons = chooser.outcome(text)[1]
    expected = [(number, " ".join(reasons[number])) for number in sorted(reasons)]
    return SampleFiles(chooser.csv(good.rows()), text, expected, unshown)


@dataclass(frozen=True)
class _Chooser:
    samples: Samples
    contract: Contract
    parts: Mapping[str, str]

    @cached_property
    def headers(self) -> dict[str, str]:
        """By column of the contract, the header in the files, in the order of the files."""
        names = self.samples.rows.columns
        at = match_header(self.contract, names).positions
        return {column: names[at[column]] for column in sorted(at, key=lambda column: at[column])}

    def good(self) -> pl.DataFrame:
        """Return rows that the contract publishes, and one that it discards, under the header's names."""
        rows = self.samples.rows.select(self.headers.values())
        batch = clean_batch(self.contract, self._columns(rows), self.parts)
        accepted = rows[batch.good["_row_number"].to_list()]
        if self.contract.unique:
            key = [self.headers[name] for name in self.contract.unique.key if name in self.headers]
            accepted = accepted.unique(key, keep="first", maintain_order=True)
        if accepted.is_empty():
            raise SampleRefused(f"the contract accepts no row of the files: sluice check {self.samples.paths[0]}")
        taken = {*batch.good["_row_number"], *batch.quarantined["_row_number"]}
        discarded = rows.filter(~pl.int_range(pl.len()).is_in(list(taken))).head(1)
        chosen = pl.concat([self._made_anonymous(self._chosen(accepted)), discarded])
        refused = self.outcome(self.csv(chosen.rows()))[1]
        kept = chosen.filter(~(pl.int_range(pl.len()) + 1).is_in(list(refused)))
        if kept.height <= discarded.height:
            names = ", ".join(self.contract.personal)
            raise SampleRefused(f"made-up values of {names} meet not all rules: write tests/data/*/good.csv yourself")
        return kept

    def bad(
        self, good: list[dict[str, str]], former: pl.DataFrame | None
    ) -> tuple[list[Sequence[str]], tuple[str, ...]]:
        """Return rows that show every reason that can be shown, and the reasons that are not."""
        gaps = [sum(self._is_missing(name, row[header]) for name, header in self.headers.items()) for row in good]
        base = good[gaps.index(min(gaps))]
        candidates = [row for name in self.headers for row in self._damaged(name, base)]
        limits = {index for index, (_, is_limit) in enumerate(candidates) if is_limit}
        rows = [row for row, _ in candidates] + self._former(base, former)
        frame = pl.DataFrame(rows, schema=dict.fromkeys(self.headers.values(), pl.String))
        quarantined = clean_batch(self.contract, self._columns(frame), self.parts).quarantined
        found = dict(quarantined.select("_row_number", "_reasons").iter_rows())
        chosen: dict[int, None] = {}
        for reason in self.reasons():
            showing = [number for number, reasons in found.items() if reason in reasons]
            showing.sort(key=lambda number: (len(found[number]), number))
            only = [number for number in showing if number in limits and found[number] == [reason]]
            chosen |= dict.fromkeys(only or showing[:1])
        shown = {reason for number in chosen for reason in found[number]}
        bad: list[Sequence[str]] = [list(rows[number].values()) for number in chosen]
        if len(self.headers) > 1:
            plain = list(base.values())
            bad += [plain[:-1], [*plain, "surplus"]]
        return bad, tuple(reason for reason in self.reasons() if reason not in shown)

    def reasons(self) -> list[str]:
        """Return the reasons for which a row with all its fields can be quarantined, in the order of the columns."""
        facts = column_facts(self.contract.row.to_schema())
        reasons: list[str] = []
        for name, dtype in self.contract.parsed.items():
            if not self.contract.row_schema.columns[name].nullable:
                reasons.append(f"{name}_is_present")
            if dtype != pl.String():
                number = "a_whole_number" if dtype.is_integer() else "a_number"
                reasons.append(f"{name}_is_{_KINDS.get(dtype.base_type(), number)}")
            reasons += facts[name]
            reasons += [f"{name}_equals_key"] if name in self.contract.same_as_key else []
        return list(dict.fromkeys([*reasons, *row_facts(self.contract.row.to_schema())]))

    def csv(self, rows: Iterable[Sequence[str]]) -> str:
        written_as = self.contract.reading.format
        text = io.StringIO("-\n" * written_as.skip_lines)
        text.seek(0, io.SEEK_END)
        writer = csv.writer(text, delimiter=written_as.delimiter, quotechar=written_as.quote, lineterminator="\n")
        ending = [""] if written_as.trailing_delimiter else []
        writer.writerow([*self.headers.values()])
        writer.writerows([*row, *ending] for row in rows)
        return text.getvalue()

    def outcome(self, text: str) -> tuple[Manifest, dict[int, list[str]]]:
        """Return the manifest of a sample that is cleaned whatever share of it is bad, and row number → reasons."""
        lineage = Lineage(source_key="sample.csv", run_id="samples", file_stem="sample")
        with tempfile.TemporaryDirectory() as folder:
            file, out = Path(folder) / "sample.csv", Path(folder) / "out"
            file.write_bytes(text.encode(self.contract.reading.format.encoding))
            lenient = replace(self.contract, quarantine_limit=1.0)
            manifest = polars_engine.clean(
                lenient, FileSource(file), out, lineage=lineage, parts=self.parts, hash_key="of a sample"
            )
            files = sorted((out / "quarantine").glob("*.parquet"))
            rows = [
                row for each in files for row in pl.read_parquet(each).select("_row_number", "_reasons").iter_rows()
            ]
        return manifest, {number: list(reasons) for number, reasons in rows}

    def _columns(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows under the header's names as a batch of the contract, with `_row_number` from 0."""
        positions = {name: str(position) for position, name in enumerate(rows.columns)}  # a column may be _row_number
        numbered = rows.rename(positions).with_columns(_row_number=pl.int_range(rows.height, dtype=pl.Int64))
        return match_header(self.contract, rows.columns).select(self.contract, numbered)

    def _is_missing(self, name: str, text: str) -> bool:
        return trimmed(text).lower() in self.contract.reading.null_markers_of(name)

    def _chosen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return few rows that show much: the first, and of each column a gap, the extremes, each category."""
        wanted: dict[int, None] = dict.fromkeys(range(min(3, rows.height)))
        for name, header in self.headers.items():
            dtype = self.contract.parsed.get(name, pl.String())
            texts = rows[header].str.strip_chars(INVISIBLE)
            missing = texts.str.to_lowercase().is_in(list(self.contract.reading.null_markers_of(name)))
            shown = [missing.arg_true().head(1)]
            if any("allowed_values" in settings for settings in self._settings(name)):
                shown.append(texts.arg_unique())
            elif dtype.is_numeric():
                numbers = parse(texts.str.replace(",", ".", literal=True), pl.Float64())
                shown += [numbers.arg_sort(nulls_last=True).head(1), numbers.arg_sort(descending=True).head(1)]
            for strptime in self.contract.reading.dates.get(name, ()):
                shown.append(parse(texts, dtype, (strptime,)).is_not_null().arg_true().head(1))
            wanted |= {int(index): None for indices in shown for index in indices}
        return rows[sorted(list(wanted)[:ROWS])]

    def _made_anonymous(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows with made-up values where columns identify people or hold their numbers and dates."""
        made = [
            pl.Series(header, [self._made_up(name, number, text) for number, text in enumerate(rows[header])])
            for name, header in self.headers.items()
            if name in self.contract.personal
        ]
        return rows.with_columns(made)

    def _made_up(self, name: str, number: int, text: str) -> str:
        """Return a value that the column's rules accept and that identifies nobody; a missing one stays missing."""
        dtype = self.contract.parsed.get(name, pl.String())
        if not trimmed(text):
            return text
        if dtype == pl.String():
            return f"user{number}@example.com" if "@" in text else f"{name}-{number}"
        if dtype == pl.Boolean():
            return "true"
        if dtype.is_temporal():
            strptime = self.contract.reading.dates.get(name, ("%Y-%m-%d",))[0]
            return written(strptime, datetime(1990, 1, 1) + timedelta(days=number))
        settings: dict[str, Any] = {key: value for each in self._settings(name) for key, value in each.items()}
        if settings.get("max_value") is None:
            return str(20 + number)
        least = int(settings.get("min_value", 0))
        return str(least + number % (int(settings["max_value"]) - least + 1))

    def _settings(self, name: str) -> Iterator[dict[str, Any]]:
        """Return the settings of a column's checks, such as min_value."""
        facts = column_facts(self.contract.row.to_schema()).get(name, {})
        yield from (check.statistics for checks in facts.values() for check in checks if check.statistics)

    def _damaged(self, name: str, base: dict[str, str]) -> Iterator[tuple[dict[str, str], bool]]:
        """Yield rows with another text in one column, and whether it lies just outside of a limit or a set."""
        header = self.headers[name]
        strptime = self.contract.reading.dates.get(name, ("%Y-%m-%d",))[0]
        for settings in self._settings(name):
            for key, step in (("min_value", -1), ("max_value", 1), ("value", 1), ("value", -1)):
                if (text := _beyond(settings.get(key), step, strptime)) is not None:
                    yield {**base, header: text}, key != "value"
            for value in settings.get("forbidden_values", ()):
                yield {**base, header: str(value)}, False
        for text in _FAULTS:
            yield {**base, header: text}, False
        others = self.samples.rows[header].unique(maintain_order=True).head(ROWS)
        yield from (({**base, header: text}, False) for text in others if name not in self.contract.personal)

    def _former(self, base: dict[str, str], former: pl.DataFrame | None) -> list[dict[str, str]]:
        """Return the rows of the former bad sample; what it has no column for is as in `base`."""
        if former is None:
            return []
        own = {name.lower(): name for name in former.columns}
        wanted = {header: own.get(header.lower()) for header in self.headers.values()}
        return [
            {header: base[header] if name is None else row[name] or "" for header, name in wanted.items()}
            for row in former.iter_rows(named=True)
        ]


def _beyond(limit: object, step: int, strptime: str) -> str | None:
    """Return the text of a value beside a limit, None where there is none."""
    match limit:
        case bool() | None:
            return None
        case int() | float() | Decimal():
            return str(limit + step)
        case datetime():
            return written(strptime, limit + timedelta(days=step))
        case date():
            return written(strptime, datetime(limit.year, limit.month, limit.day) + timedelta(days=step))
    return None
