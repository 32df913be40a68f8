"""What makes a row unique, which of several is latest, how the table is partitioned, how files are named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import polars as pl

from cli.infer.columns import Column
from sluice.contract.declarations import Partition
from sluice.contract.key_pattern import is_date

_KEYLIKE = re.compile(r"(^|_)(id|key|code|uuid|no|nr|number|symbol|sku|isin)$")
_LATEST = re.compile(r"(updated|modified|changed|loaded|version)")
_NOT_WHEN = re.compile(r"(updated|modified|changed|birth|death|expir|valid)")
_PAIRED = 10
_MOST_PARTITIONS = 60
_ROWS_A_PARTITION = 100
"""In the sample, which may be one file of many: fewer would make a table of tiny files."""

_NAME_DATES = {r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d", r"(?<!\d)\d{8}(?!\d)": "%Y%m%d", r"\d{4}-\d{2}(?!\d)": "%Y-%m"}


@dataclass(frozen=True)
class Key:
    """columns: the key to use, empty when none is likely. others: further unique combinations."""

    columns: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]
    latest: str | None


def find_key(columns: Sequence[Column], rows: pl.DataFrame) -> Key:
    """Return what identifies a row. rows: the samples under the table's names, as text, null where missing."""
    able = [c for c in columns if not c.nullable and not c.dtype.is_float() and not _names_people(c)]
    single: list[tuple[str, ...]] = [(column.name,) for column in able if column.distinct == rows.height]
    likely = [names for names in single if _KEYLIKE.search(names[0]) or names[0] == columns[0].name]
    latest = next((c.name for c in columns if c.dtype.base_type() == pl.Datetime and _LATEST.search(c.name)), None)
    if likely:
        best = min(likely, key=lambda names: not re.search(r"(^|_)(id|key|uuid)$", names[0]))
        return Key(best, tuple(names for names in single if names != best), latest)
    found = [names for size in (2, 3) for names in _combined(able, rows, size)]
    smallest = [names for names in found if len(names) == len(found[0])]
    best = smallest[0] if smallest else ()
    return Key(best, (*single, *smallest[1:])[:4], latest)


def _combined(able: Sequence[Column], rows: pl.DataFrame, size: int) -> list[tuple[str, ...]]:
    """Return the combinations that identify every row; those that speak of things and times come first."""
    fit = [column for column in able if column.distinct > 1 and not isinstance(column.dtype, pl.Decimal)]
    fit = sorted(fit, key=lambda column: (not _KEYLIKE.search(column.name), not _is_when(column)))[:_PAIRED]
    names = [[column.name for column in group] for group in combinations(fit, size)]
    return [
        tuple(sorted(group, key=rows.columns.index))
        for group in names
        if rows.select(pl.struct(group).n_unique()).item() == rows.height
    ]


def _names_people(column: Column) -> bool:
    """Return whether two people may share the value, however different the sample's are."""
    return column.name == "name" or column.name.endswith("_name") or column.personal == "keep"


def _is_when(column: Column) -> bool:
    return column.dtype.base_type() in (pl.Date, pl.Datetime)


def find_partition(columns: Sequence[Column], moments: dict[str, pl.Series], rows: int) -> Partition | None:
    """Return a partition by month, or by year where months would be many or small.

    moments: parsed distinct values by column; rows: of the samples.
    """
    when = [c for c in columns if _is_when(c) and not c.nullable and not c.guess.unread and not c.personal]
    when = [column for column in when if not _NOT_WHEN.search(column.name)]
    if not when:
        return None
    values = moments[when[0].name]
    of = when[0].name
    for unit, strftime in (("month", "%Y-%m"), ("year", "%Y")):
        count = values.dt.strftime(strftime).n_unique()
        if count <= _MOST_PARTITIONS and (unit == "year" or count <= 2 or rows >= count * _ROWS_A_PARTITION):
            taken = {column.name for column in columns}
            stem = re.sub(r"_?(date|day|at|time|timestamp)$", "", of) or of
            name = next(name for name in (f"{stem}_{unit}", f"{of}_{unit}", f"part_{unit}") if name not in taken)
            return Partition(name, of, strftime)
    return None


def file_pattern(dataset: str, paths: Sequence[Path]) -> str:
    """Return the naming convention that the samples' names suggest, below the dataset's folder."""
    stems = [path.name.split(".")[0] for path in paths]
    plain = all(re.fullmatch(r"[A-Za-z0-9_-]+", stem) for stem in stems)
    for shape, strptime in _NAME_DATES.items() if plain else ():
        found = [re.search(shape, stem) for stem in stems]
        if all(match and is_date(match.group(), strptime) for match in found):
            patterns = {re.sub(shape, "{date:" + strptime + "}", stem, count=1) for stem in stems}
            if len(patterns) == 1:
                return f"{dataset}/{patterns.pop()}.csv"
    return f"{dataset}/{{file}}.csv"
