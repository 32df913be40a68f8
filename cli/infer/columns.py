"""One column of the samples: its name in the table, its type, its rules, and what a person has to decide."""

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandera.polars as pa
import polars as pl

from cli.infer.kinds import Guess, guess
from cli.infer.people import likely_personal
from local.emulator.athena import reserved_words
from sluice.contract.declarations import Treatment
from sluice.contract.values import parse

_TAKEN = {*keyword.kwlist, *dir(pa.DataFrameModel), "pa", "pl", "l", "cls", "data", "contract"}
_REASONS = ("is_not_negative", "is_present", "is_in_set", "is_positive")
"""A column that is named as another column's fact would take its name from it."""
_NAME_LENGTH = 40
"""So that a column with its settings still fits on a line."""

_RANGES = {
    r"(^|_)lat(itude)?$": (-90, 90),
    r"(^|_)(lon|lng|long|longitude)$": (-180, 180),
    r"(^|_)age$": (0, 120),
    r"(^|_)month$": (1, 12),
    r"(^|_)day(_of_month)?$": (1, 31),
    r"(^|_)hour$": (0, 23),
    r"(^|_)minute$": (0, 59),
    r"(^|_)year$": (1900, 2100),
    r"(^|_)(percent|percentage|pct)$": (0, 100),
}
_SIGNED = re.compile(r"(^|_)(temp|temperature|delay|change|delta|diff|difference|net|balance|gain|elevation)($|_)")
"""Below zero such numbers are nothing strange, also when the sample has none."""

_CATEGORIES = 25
_ROWS_A_CATEGORY = 10
_IDENTIFIER = re.compile(r"(^|_)(id|key|code|no|nr|number|uuid|name|title|description|comment)$")


@dataclass(frozen=True)
class Rule:
    """A range (ge, le; None where there is no limit), or a set of values."""

    ge: int | None = None
    le: int | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """header: its name in the files. rows and nulls: of the sample; distinct: its different values, typed.

    seen: what stands there, in short (nothing for personal columns). decide: questions for a person.
    """

    name: str
    header: str
    guess: Guess
    rows: int
    nulls: int
    distinct: int
    rule: Rule | None
    personal: Treatment | None
    seen: str
    decide: tuple[str, ...]

    @property
    def dtype(self) -> pl.DataType:
        return self.guess.dtype

    @property
    def nullable(self) -> bool:
        return self.nulls > 0


def table_names(headers: Iterable[str]) -> dict[str, str]:
    """Return the header's names as names of columns that a table and a Python class can have."""
    names: dict[str, str] = {}
    reasons = {f"_{reason}" for reason in _REASONS}
    for header in headers:
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", header)
        name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_NAME_LENGTH].strip("_") or "row"
        name = name if name[0].isalpha() else f"c_{name}"
        is_reason = any(name.endswith(reason) for reason in reasons)
        name = f"{name}_" if name in _TAKEN or is_reason else name
        number = 2
        while (unique := name if number == 2 else f"{name}_{number - 1}") in names.values():
            number += 1
        names[header] = unique
    return names


def column_of(name: str, header: str, texts: pl.DataFrame, rows: int) -> Column:
    """Infer a column. texts: `text` (distinct, trimmed, no null markers) and `rows`; rows: of the sample."""
    nulls = rows - int(texts["rows"].sum())
    found = guess(name, texts, with_nulls=nulls > 0)
    values = texts["text"]
    personal = likely_personal(name, values)
    decide = list(found.notes)
    if name in reserved_words.IN_QUERIES:
        decide.append(f"{reserved_words.advice(name)}. Or another name here, and an alias from {header!r}?")
    if found.unread:
        shown = "" if personal else ", such as " + ", ".join(map(repr, found.unread))
        decide.append(f"{found.unread_rows:,} values are no {_kind(found.dtype)}{shown}: these rows are quarantined.")
    if personal:
        decide.append(_about_people(personal, found.dtype))
    rule = _rule(name, found, values, rows - nulls, personal is not None)
    if rule and rule.values and values.str.to_lowercase().n_unique() < len(values):
        decide.append("some values differ in letter case only. One value? Then a cleaning step, Lowercase.")
    if rule and rule.values:
        decide.append("are these all the values there can be? Rows with any other are quarantined.")
    treatment = _treatment(personal[0], found.dtype) if personal else None
    seen = "" if personal else _seen(found, values)
    distinct = parse(values, found.dtype, found.formats).n_unique() if len(values) else 0
    return Column(name, header, found, rows, nulls, distinct, rule, treatment, seen, tuple(decide))


def _kind(dtype: pl.DataType) -> str:
    return {pl.Date: "date", pl.Datetime: "timestamp"}.get(dtype.base_type(), "number")


def _about_people(personal: tuple[str, str], dtype: pl.DataType) -> str:
    likely, why = personal
    if likely == "perhaps":
        return "a person's name? Then say so under `personal`"
    if _treatment(likely, dtype) == "hash":
        return f"personal ({why}), so published hashed. Or drop it, or keep it?"
    return f"personal ({why}): masked where bad rows are shown, published as it is. Or drop it?"


def _treatment(likely: str, dtype: pl.DataType) -> Treatment | None:
    if likely == "perhaps":
        return None
    return "hash" if likely == "identifies" and dtype == pl.String() else "keep"


def _rule(name: str, found: Guess, values: pl.Series, present: int, personal: bool) -> Rule | None:
    if found.dtype == pl.String():
        categories = sorted(values.unique())
        few = 1 < len(categories) <= _CATEGORIES and present >= _ROWS_A_CATEGORY * len(categories)
        named = _IDENTIFIER.search(name) and not name.endswith("code")
        return Rule(values=tuple(categories)) if few and not named and not personal else None
    if not found.dtype.is_numeric():
        return None
    numbers = parse(values, pl.Float64()).drop_nulls()
    low, high = float(numbers.min()), float(numbers.max())  # type: ignore[arg-type]
    for pattern, (least, most) in _RANGES.items():
        if re.search(pattern, name) and least <= low and high <= most:
            return Rule(ge=least, le=most)
    return Rule(ge=0) if low >= 0 and not _SIGNED.search(name) else None


def _seen(found: Guess, values: pl.Series) -> str:
    """Return the range of what was seen, or a few of the texts."""
    if found.dtype == pl.String() or found.dtype == pl.Boolean():
        shown = ", ".join(repr(value if len(value) <= 24 else value[:23] + "…") for value in values.head(3))
        return shown if len(values) <= 3 else f"{shown}, …"
    if found.dtype.is_numeric():
        numbers = parse(values, pl.Float64() if found.dtype.is_float() else found.dtype).drop_nulls()
        return f"{numbers.min()!s} to {numbers.max()!s}"
    moments = parse(values, found.dtype, found.formats).drop_nulls()
    return f"{moments.min()!s} to {moments.max()!s}"
