"""The type of a column of text, found by the parser that will read it."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from cli.infer.dates import date_formats, timestamp_formats
from sluice.contract.values import NUMBER, parse

SURE = 0.95
"""The share of a column's values that must parse. The others are named, and would be quarantined."""

_ENOUGH = 20
_LOOKED_AT = 20_000
"""Distinct texts of a column whose dates are tried; beyond that one more adds little."""

_MONEY = re.compile(r"(^|_)(price|amount|value|cost|total|revenue|fee|tax|discount|disc|balance|salary)($|_)")
_DAY = re.compile(r"(^|_)(date|day|dt|on)($|_)")
_VERSION = re.compile(r"(^|_)(version|release|build|firmware)($|_)")
_TWO_DIGITS = r"^[0-9]{1,2}([-/. ])([0-9]{1,2}|[A-Za-z]{3})[-/. ][0-9]{2}( .*)?$"
_WHEN = re.compile(r"(^|_)(time|timestamp|ts|epoch|created|updated|at|date)($|_)")
_EPOCH = "seconds or milliseconds since 1970? Then a timestamp, with dates of the format epoch or epoch_ms."
_BOTH = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})


@dataclass(frozen=True)
class Guess:
    """dtype: the column's Polars type. unread: texts (some) that are none of it. notes: what a person should know."""

    dtype: pl.DataType
    formats: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unread_rows: int = 0
    notes: tuple[str, ...] = field(default=())


def guess(name: str, texts: pl.DataFrame, with_nulls: bool) -> Guess:
    """Return the type of a column. texts: `text` (distinct, trimmed, no null markers), `rows` (how often).

    with_nulls: whether other rows of it have no value.
    """
    if texts.is_empty():
        return Guess(pl.String(), notes=("no value in the sample, so what type is it?",))
    values = texts["text"]
    if set(values.str.to_lowercase()) in _BOTH:
        return Guess(pl.Boolean())
    found = _date(name, texts)
    if found is None:
        losses = _losses(name, values)
        found = Guess(pl.String(), notes=losses) if losses else _number(name, texts, with_nulls)
    return found or Guess(pl.String(), notes=_near_misses(values))


def _losses(name: str, values: pl.Series) -> tuple[str, ...]:
    """Return what numbers would lose of these texts; nothing where the texts are no numbers, or lose nothing."""
    numbers = values.filter(values.str.contains(NUMBER))
    if len(numbers) * 2 < len(values):
        return ()
    shapes = {
        "zeros in front": r"^[+-]?0[0-9]",
        "more digits than a number holds exactly": r"^[+-]?[0-9]{19,}$",
    }
    found = [what for what, shape in shapes.items() if numbers.str.contains(shape).any()]
    # Where other numbers have a minus, a plus is a sign like it.
    if numbers.str.contains(r"^\+").any() and not numbers.str.contains("^-").any():
        found.append("a plus in front")
    if any(Decimal(text) != Decimal(repr(float(text))) for text in numbers if "." in text or "e" in text.lower()):
        found.append("digits: a float holds 15 to 17")
    whole = numbers.str.contains(r"^[+-]?[0-9]+\.?0*$")
    if (numbers.str.contains(r"^[+-]?[0-9]{12,}$") & whole).any() and numbers.str.contains("[eE]").any():
        found.append("digits, where a spreadsheet wrote one as 1.23457E+16")
    if _VERSION.search(name) and numbers.str.contains(r"\.").any():
        found.append("a zero at the end, such as that of version 1.10")
    return tuple(f"kept as text: as numbers they would lose {what}. Are they numbers?" for what in found)


def _accepted(texts: pl.DataFrame, read: pl.Series) -> tuple[tuple[str, ...], int] | None:
    """Return the texts that were not read and their rows, or None when these are too many."""
    rows = int(texts["rows"].sum())
    unread = texts.filter(~read)
    count = int(unread["rows"].sum())
    if count and (rows < _ENOUGH or count > (1 - SURE) * rows):
        return None
    return tuple(unread["text"].head(3)), count


def _date(name: str, texts: pl.DataFrame) -> Guess | None:
    """Try dates, then timestamps, on the texts that look like one: digits and a separator, or eight digits."""
    texts = texts.head(_LOOKED_AT)
    values = texts["text"]
    compact = bool(_DAY.search(name)) and bool(values.str.contains(r"^(19|20)[0-9]{6}$").all())
    looks = values.str.contains(r"^.*[0-9].*[-/. :].*[0-9].*$") & ~values.str.contains(NUMBER)
    if not compact and (looks.mean() or 0) < SURE:  # type: ignore[operator]
        return None
    for found, dtype in ((date_formats(values, compact), pl.Date()), (timestamp_formats(values), pl.Datetime("us"))):
        accepted = _accepted(texts, found.read)
        if accepted is not None:
            notes = tuple(
                f"all that reads as {one} reads as {other}, too. Which is it?" for one, other in found.ambiguous
            )
            formats = () if found.formats == ("%Y-%m-%d",) else found.formats
            return Guess(dtype, formats, *accepted, notes=notes)
    return None


def _number(name: str, texts: pl.DataFrame, with_nulls: bool) -> Guess | None:
    values = texts["text"]
    number = values.str.contains(NUMBER)
    accepted = _accepted(texts, number)
    if accepted is None:
        return None
    numbers = values.filter(number)
    if parse(numbers, pl.Int64()).is_not_null().all():
        points = numbers.str.contains(r"\.")
        if not points.any():
            epoch = _WHEN.search(name) and numbers.str.contains("^1[0-9]{9}([0-9]{3})?$").all()
            notes = (_EPOCH,) if epoch else ()
            return Guess(pl.Int64(), (), *accepted, notes=notes)
        if with_nulls:
            note = "whole numbers written with a point, as pandas does where values are missing. Right?"
            return Guess(pl.Int64(), (), *accepted, notes=(note,))
    dtype = _fraction(name, numbers)
    one = parse(numbers, pl.Float64()).n_unique() < len(numbers) and dtype == pl.Float64()
    notes = ("some texts are one number, as 1.1 and 1.10 are. Versions or codes? Then String.",) if one else ()
    return Guess(dtype, (), *accepted, notes=notes)


def _fraction(name: str, numbers: pl.Series) -> pl.DataType:
    """Return an exact decimal for what looks like money, else a float: a sensor may send more digits tomorrow."""
    decimals = numbers.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0)
    plain = not numbers.str.contains(r"[eE]").any()
    whole = int(numbers.str.extract(r"^[+-]?([0-9]*)").str.len_chars().max() or 0)  # type: ignore[arg-type]
    most = int(decimals.max() or 0)  # type: ignore[arg-type]
    always_two = len(numbers) >= _ENOUGH and bool((decimals == 2).all())
    if plain and whole <= 15 and most <= 2 and (always_two or _MONEY.search(name)):
        return pl.Decimal(max(12, whole + 5), 2)
    return pl.Float64()


def _near_misses(values: pl.Series) -> tuple[str, ...]:
    shapes = {
        "numbers with group marks": r"^[+-]?[0-9]{1,3}([,' ][0-9]{3})+(\.[0-9]+)?$",
        "amounts with a currency sign": r"^[+-]?[$€£¥] ?[0-9.,]+$|^[0-9.,]+ ?[$€£¥]$",
        "percentages": r"^[+-]?[0-9.,]+ ?%$",
        "amounts in parentheses, below zero": r"^\([$€£¥]? ?[0-9.,]+\)$",
        "dates with years of two digits (declare dates and century_pivots)": _TWO_DIGITS,
    }
    return tuple(
        f"{what}: kept as text. Ask for plain numbers, or take the marks away in a step of your own."
        for what, shape in shapes.items()
        if (values.str.contains(shape).mean() or 0) > (0 if "parentheses" in what else 0.5)  # type: ignore[operator]
    )


def decimal_comma(values: pl.Series) -> bool:
    """Return whether these texts are numbers with a decimal comma."""
    return bool(values.str.contains(r"^[+-]?[0-9]+,[0-9]+$").any()) and bool(
        values.str.contains(r"^[+-]?[0-9]+(,[0-9]+)?$").all()
    )
