"""The formats of dates and timestamps: a closed list of directives, and the text that each of them accepts."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import pairwise

import polars as pl

COUNTED = ("epoch", "epoch_ms", "excel")
"""Formats without directives: seconds or milliseconds since 1970 in UTC; days of Excel (45722 is 2025-03-06)."""

OFFSETS = ("%z", "%:z", "%#z")
_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_NUMBERS = {"%Y", "%y", "%m", "%d", "%j", "%H", "%I", "%M", "%S"}
_NAMES = {
    "%b": [month[:3] for month in _MONTHS],
    "%B": _MONTHS,
    "%a": [day[:3] for day in _DAYS],
    "%A": _DAYS,
    "%p": ["AM", "PM"],
}
_KNOWN = {*_NUMBERS, *_NAMES, *OFFSETS, "%.f"}
_INSTEAD = {
    "%Z": "a zone's name is not read: declare Reading(time_zones={column: 'Europe/Berlin'}), or an offset as %z",
    "%+": "write %Y-%m-%dT%H:%M:%S%.f%z",
    "%T": "write %H:%M:%S",
    "%R": "write %H:%M",
    "%F": "write %Y-%m-%d",
    "%D": "write %m/%d/%y",
    "%e": "write %d",
    "%h": "write %b",
    "%k": "write %H",
    "%l": "write %I",
    "%P": "write %p",
    "%s": "write the format 'epoch'",
}
_JAVA = {
    "y": {4: "%Y", 2: "%y"},
    "M": {4: "%B", 3: "%b", 2: "%m"},
    "d": {2: "%d"},
    "H": {2: "%H"},
    "h": {2: "%I"},
    "m": {2: "%M"},
    "s": {2: "%S"},
    ".S": {6: "%.f", 3: "%.f"},
    "X": {3: "%z"},
}
"""By pattern letter of Java, and by how often it stands in a row, which is what decides its meaning there.
https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/time/format/DateTimeFormatter.html"""
_SQL = {"YYYY": "%Y", "YY": "%y", "DD": "%d", "HH24": "%H", "MI": "%M", "mi": "%M", "SS": "%S"}
_PATTERN_PART = re.compile(r"HH24|MI|mi|\.S+|([A-Za-z])\1*")
_TOKEN = re.compile(r"%[-_0#:.]?[0-9]?[A-Za-z+]|%.?| |[^% ]+")


def tokens(strptime: str) -> list[str]:
    """Return the directives, blanks and other texts of a format."""
    return _TOKEN.findall(strptime)


def format_problems(strptime: str, dtype: pl.DataType, *, century_pivot: bool) -> Iterator[str]:
    """Yield what is wrong with a format, and what to write instead.

    century_pivot: whether the column says which years %y means.
    """
    timestamp = isinstance(dtype, pl.Datetime)
    if strptime in COUNTED:
        if not timestamp and strptime != "excel":
            yield f"{strptime!r} counts seconds: the column must be a Datetime('us')"
        return
    parts = tokens(strptime)
    directives = [token for token in parts if token.startswith("%")]
    if not directives:
        meant = _from_pattern(strptime)
        yield f"{strptime!r} has no directive" + (f"; it means {meant!r}" if "%" in meant else ", such as %Y-%m-%d")
        return
    for token in directives:
        if token not in _KNOWN:
            yield f"{strptime!r}: {token} is not read; {_instead(token)}"
    kinds = ["%z" if token in OFFSETS else token for token in directives]
    for token in dict.fromkeys(kinds):
        if kinds.count(token) > 1:
            yield f"{strptime!r} has {token} twice"
    has = set(kinds)
    if len(has & {"%Y", "%y"}) != 1:
        yield f"{strptime!r} must have one year, %Y or %y"
    if "%y" in has and not century_pivot:
        yield (
            f"{strptime!r}: %y does not tell the century; say the last year that it can mean, such as "
            "Reading(century_pivots={column: 2025}), or write %Y"
        )
    day = ("%j" in has) if not has & {"%m", "%b", "%B", "%d"} else len(has & {"%m", "%b", "%B"}) == 1 and "%d" in has
    if not day or ("%j" in has and "%d" in has):
        yield f"{strptime!r} must have one day: %d with one of %m, %b and %B, or %j"
    if len(has & {"%H", "%I"}) > 1 or ("%I" in has) != ("%p" in has):
        yield f"{strptime!r}: an hour is %H, or %I with %p"
    for smaller, larger in (("%M", {"%H", "%I"}), ("%S", {"%M"}), ("%.f", {"%S"}), ("%z", {"%M"})):
        if smaller in has and not has & larger:
            yield f"{strptime!r} has {smaller} without {' or '.join(sorted(larger))}"
    if has & {"%H", "%I"} and "%M" not in has:
        yield f"{strptime!r} has an hour without minutes, %M"


def _instead(token: str) -> str:
    plain = f"%{token[-1]}"
    if re.fullmatch(r"%[.:]?[0-9]?f", token):
        return "write %.f for a fraction of a second with its point, as in %S%.f"
    if len(token) > 2 and plain in _NUMBERS:
        return f"write {plain}: a leading zero may be missing"
    return _INSTEAD.get(token, f"the directives are {' '.join(sorted(_KNOWN - {'%:z', '%#z'}))}")


def _from_pattern(pattern: str) -> str:
    """Return a pattern of Java or SQL as directives; what is neither stays."""

    def directive(found: re.Match[str]) -> str:
        part = found.group()
        letter = part[:2] if part.startswith(".") else part[0]
        return _SQL.get(part) or _JAVA.get(letter, {}).get(len(part.removeprefix(".")), part)

    return _PATTERN_PART.sub(directive, pattern).replace("'T'", "T")


def sample(strptime: str) -> str:
    """Return 2025-03-05 14:07:09.25 UTC in a format: the text that it must accept."""
    if strptime in COUNTED:
        return {"epoch": "1741183629.25", "epoch_ms": "1741183629250", "excel": "45721"}[strptime]
    return written(strptime, datetime(2025, 3, 5, 14, 7, 9, 250_000))


def written(strptime: str, moment: datetime) -> str:
    """Return a moment of UTC in a format that is made of directives."""
    own = {"%.f": f".{moment:%f}".rstrip("0."), **dict.fromkeys(OFFSETS, "+00:00")}
    return "".join(own[token] if token in own else moment.strftime(token) for token in tokens(strptime))


@cache
def shape(strptime: str, *, iso: bool = False) -> str:
    """Return a format as a regular expression with the year as its group; years of four digits are from 1000 to 9999.

    Numbers may lack a leading zero, except where only their digits separate them (2025035 is no date) and in ISO 8601.
    Raises ValueError for a directive that is not read.
    """
    parts = tokens(strptime)
    adjacent = any(left in _NUMBERS and right in _NUMBERS for left, right in pairwise(parts))
    digits = "[0-9]{2}" if iso or adjacent else "[0-9]{1,2}"
    # In UTC the year may be another.
    year = "[0-9]{4}" if any(token in OFFSETS for token in parts) else "[1-9][0-9]{3}"
    patterns = {
        **dict.fromkeys(("%m", "%d", "%H", "%I", "%M"), digits),
        **{name: f"(?i:{'|'.join(words)})" for name, words in _NAMES.items()},
        **dict.fromkeys(OFFSETS, "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"),
        "%Y": f"({year})",
        "%y": "([0-9]{2})",
        "%j": "[0-9]{3}",
        "%S": "[0-5][0-9]" if digits.endswith("{2}") else "(?:[0-5][0-9]|[0-9])",
        "%.f": r"(?:\.[0-9]+)?",
        " ": " " if iso else " +",
    }
    for token in parts:
        if token.startswith("%") and token not in patterns:
            raise ValueError(f"the directive {token} of {strptime!r} is not read")
    return "^" + "".join(patterns.get(token) or re.escape(token) for token in parts) + "$"
