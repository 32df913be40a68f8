"""Names of datasets and columns; naming conventions of uploads, such as `sales/{store_id}/{date:%Y-%m-%d}.csv`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice

from sluice.errors import ContractInvalid

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Dataset and column names become table names, object keys and SQL identifiers: nothing needs escaping."""
_RESERVED = ("_quarantine", "_latest")

_FIELD = re.compile(r"\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<format>[^{}]+))?\}")
_COMPRESSED = (".gz", ".zst", "")


@dataclass(frozen=True)
class KeyPattern:
    """One naming convention. `{part}` captures one path segment's text, `{part:%Y-%m-%d}` a date of that format.

    A pattern also matches its own name followed by `.gz` or `.zst`.
    """

    pattern: str

    def __post_init__(self) -> None:
        names = captured(self.pattern)
        if len(names) != len(set(names)):
            raise ContractInvalid(f"the file pattern {self.pattern!r} names a part twice")
        if re.search(r"[{}]", _FIELD.sub("", self.pattern)):
            raise ContractInvalid(f"the file pattern {self.pattern!r} has a brace that is not a {{part}}")

    def match(self, key: str) -> dict[str, str] | None:
        """Return the captured parts as text, or None when the key does not follow the convention.

        Each part is as short as it can be, the first one first. The time grows with the key's length only: any
        uploader chooses a key of up to 1,024 bytes, and a regular expression with several lazy parts can take hours.
        """
        ends = [len(ending) for ending in _COMPRESSED if key.endswith(ending)]
        found = (self._captured(key[: len(key) - end].split("/")) for end in ends)
        parts = next((each for each in found if each is not None), None)
        if parts is None or not all(is_date(parts[name], strptime) for name, strptime in self.formats.items()):
            return None
        return parts

    def _captured(self, segments: list[str]) -> dict[str, str] | None:
        if len(segments) != len(self._segments):
            return None
        parts: dict[str, str] = {}
        for (literals, names), text in zip(self._segments, segments, strict=True):
            values = _split(text, literals)
            if values is None:
                return None
            parts |= zip(names, values, strict=True)
        return parts

    @cached_property
    def _segments(self) -> list[tuple[list[str], list[str]]]:
        """Of each path segment the literal texts around its parts, and the parts' names."""
        names = iter(captured(self.pattern))
        literals = [segment.split("{}") for segment in _FIELD.sub("{}", self.pattern).split("/")]
        return [(texts, list(islice(names, len(texts) - 1))) for texts in literals]

    @cached_property
    def formats(self) -> dict[str, str]:
        """The date formats of its parts, by name."""
        return {field["name"]: field["format"] for field in _FIELD.finditer(self.pattern) if field["format"]}


def _split(text: str, literals: list[str]) -> list[str] | None:
    """Return what stands between the literals, at least one character each, or None when it lacks one.

    The earliest position of a literal leaves the most text to those after it, so no other need be tried.
    """
    first, *others = literals
    if not others:
        return [] if text == first else None
    if not text.startswith(first) or not text.endswith(others[-1]):
        return None
    values, begin, end = [], len(first), len(text) - len(others[-1])
    for literal in others[:-1]:
        at = text.find(literal, begin + 1, end)
        if at < 0:
            return None
        values.append(text[begin:at])
        begin = at + len(literal)
    return [*values, text[begin:end]] if begin < end else None


def name_problems(name: str) -> Iterator[str]:
    """Yield why no dataset can have a name."""
    if not NAME.fullmatch(name):
        yield f"a dataset's name must match {NAME.pattern}"
    if name.endswith(_RESERVED):
        yield f"a name ending in {' or '.join(_RESERVED)} is reserved for the tables and views of a dataset"


def captured(pattern: str) -> list[str]:
    """Return the names of a pattern's parts."""
    return [field["name"] for field in _FIELD.finditer(pattern)]


def pattern_problems(pattern: str) -> Iterator[str]:
    """Yield why no key could follow a pattern: a date that is written in its format must be read back."""
    try:
        KeyPattern(pattern)
    except ContractInvalid as mistake:
        yield str(mistake)
        return
    for field in _FIELD.finditer(pattern):
        date = field["format"]
        if date and ("%" not in date or "/" in date or not is_date(_LAST_MINUTE.strftime(date), date)):
            yield f"the file pattern {pattern!r}: {date!r} is no format of a date, such as %Y-%m-%d"


_LAST_MINUTE = datetime(2025, 12, 31, 23, 59)


def is_date(text: str, strptime: str) -> bool:
    """Whether a text is a date as the format writes it."""
    try:
        # The round trip refuses what strptime lets pass, such as 2025-3-5 for %Y-%m-%d.
        return datetime.strptime(text, strptime).strftime(strptime) == text
    except ValueError:
        return False
