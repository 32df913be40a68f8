"""The date formats of a column, and those that are ambiguous."""

from dataclasses import dataclass

import polars as pl

from sluice.contract.values import TIMESTAMPS, parse

DATES = (
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
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%b-%y",
)
COMPACT = "%Y%m%d"
"""Only believed where the column's name speaks of a day: other numbers have eight digits too."""

_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
MOMENTS = (
    *(f"{date} {clock}" for date in DATES[1:] for clock in _CLOCKS),
    *(f"%Y-%m-%d{between}%H:%M:%S%.f{offset}" for between in "T " for offset in ("%#z", "%z", " %z")),
)

_AMBIGUOUS = {"%m/%d/%Y": "%d/%m/%Y", "%m-%d-%Y": "%d-%m-%Y", "%m/%d/%y": "%d/%m/%y"}
_MOST_FORMS = 4


@dataclass(frozen=True)
class Forms:
    """forms: in the order in which they are tried; read: which distinct texts they read (Boolean).

    ambiguous: pairs of forms that read every text of one of them, so that a person must decide.
    """

    forms: tuple[str, ...]
    read: pl.Series
    ambiguous: tuple[tuple[str, str], ...] = ()


def date_forms(texts: pl.Series, compact: bool) -> Forms:
    """Return the forms that together read the most of these distinct texts as dates."""
    return _cover(texts, (COMPACT, *DATES) if compact else DATES, pl.Date())


def moment_forms(texts: pl.Series) -> Forms:
    """Return the same for timestamps; no forms when all are ISO 8601, which needs no declaration."""
    iso = parse(texts, pl.Datetime("us"), TIMESTAMPS).is_not_null()
    return Forms((), iso) if iso.all() else _cover(texts, MOMENTS, pl.Datetime("us"))


def _cover(texts: pl.Series, candidates: tuple[str, ...], dtype: pl.DataType) -> Forms:
    """Take the form that reads the most of what is left, again and again."""
    reads = {form: parse(texts, dtype, (form,)).is_not_null() for form in candidates}
    done = pl.Series([False]).new_from_index(0, len(texts))
    chosen: list[str] = []
    ambiguous = []
    while len(chosen) < _MOST_FORMS and not done.all():
        best = max(candidates, key=lambda form: int((reads[form] & ~done).sum()))
        if not (reads[best] & ~done).any():
            break
        other = _AMBIGUOUS.get(best)
        if other and bool((~reads[best] | reads[other]).all()):
            ambiguous.append((best, other))
        chosen.append(best)
        done |= reads[best]
    return Forms(tuple(chosen), done, tuple(ambiguous))
