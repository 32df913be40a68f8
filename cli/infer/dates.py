"""The date formats of a column, and those that are ambiguous."""

from dataclasses import dataclass

import polars as pl

from sluice.contract.values import TIMESTAMPS, parse

_DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%b %d %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
)
_COMPACT = "%Y%m%d"
"""Only believed where the column's name speaks of a day: other numbers have eight digits too."""

_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_TIMESTAMP_FORMATS = (
    *(f"{date} {clock}" for date in _DATE_FORMATS[1:] for clock in _CLOCKS),
    *(f"%Y-%m-%d{between}%H:%M:%S%.f{offset}" for between in "T " for offset in ("%z", " %z")),
)

_AMBIGUOUS = {"%m/%d/%Y": "%d/%m/%Y", "%m-%d-%Y": "%d-%m-%Y"}
_MOST_FORMATS = 4


@dataclass(frozen=True)
class Formats:
    """formats: in the order in which they are tried; read: which distinct texts they read (Boolean).

    ambiguous: pairs of formats that read every text of one of them, so that a person must decide.
    """

    formats: tuple[str, ...]
    read: pl.Series
    ambiguous: tuple[tuple[str, str], ...] = ()


def date_formats(texts: pl.Series, compact: bool) -> Formats:
    """Return the formats that together read the most of these distinct texts as dates."""
    return _cover(texts, (_COMPACT, *_DATE_FORMATS) if compact else _DATE_FORMATS, pl.Date())


def timestamp_formats(texts: pl.Series) -> Formats:
    """Return the same for timestamps; no formats when all are ISO 8601, which needs no declaration."""
    iso = parse(texts, pl.Datetime("us"), TIMESTAMPS).is_not_null()
    return Formats((), iso) if iso.all() else _cover(texts, _TIMESTAMP_FORMATS, pl.Datetime("us"))


def _cover(texts: pl.Series, candidates: tuple[str, ...], dtype: pl.DataType) -> Formats:
    """Take the format that reads the most of what is left, again and again."""
    reads = {strptime: parse(texts, dtype, (strptime,)).is_not_null() for strptime in candidates}
    done = pl.Series([False]).new_from_index(0, len(texts))
    chosen: list[str] = []
    ambiguous = []
    while len(chosen) < _MOST_FORMATS and not done.all():
        best = max(candidates, key=lambda strptime: int((reads[strptime] & ~done).sum()))
        if not (reads[best] & ~done).any():
            break
        other = _AMBIGUOUS.get(best)
        if other and bool((~reads[best] | reads[other]).all()):
            ambiguous.append((best, other))
        chosen.append(best)
        done |= reads[best]
    return Formats(tuple(chosen), done, tuple(ambiguous))
