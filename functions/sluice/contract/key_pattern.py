"""Names of datasets and columns; naming conventions of uploads, such as `sales/{store_id}/{date:%Y-%m-%d}.csv`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sluice.errors import ContractInvalid

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Dataset and column names become table names, object keys and SQL identifiers: nothing needs escaping."""

_FIELD = re.compile(r"\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<format>[^{}]+))?\}")
_COMPRESSED = r"(?:\.gz|\.zst)?"


@dataclass(frozen=True)
class KeyPattern:
    """One naming convention. `{part}` captures one path segment's text, `{part:%Y-%m-%d}` a date of that format.

    A pattern also matches its own name followed by `.gz` or `.zst`.
    """

    pattern: str

    def __post_init__(self) -> None:
        names = [field["name"] for field in _FIELD.finditer(self.pattern)]
        if len(names) != len(set(names)):
            raise ContractInvalid(f"the file pattern {self.pattern!r} names a part twice")
        if re.search(r"[{}]", _FIELD.sub("", self.pattern)):
            raise ContractInvalid(f"the file pattern {self.pattern!r} has a brace that is not a {{part}}")

    def match(self, key: str) -> dict[str, str] | None:
        """Return the captured parts as text, or None when the key does not follow the convention."""
        found = re.fullmatch(self._regex(), key)
        if found is None:
            return None
        parts = found.groupdict()
        for field in _FIELD.finditer(self.pattern):
            if field["format"] and not _is_date(parts[field["name"]], field["format"]):
                return None
        return parts

    def _regex(self) -> str:
        regex, end = "", 0
        for field in _FIELD.finditer(self.pattern):
            regex += re.escape(self.pattern[end : field.start()]) + f"(?P<{field['name']}>[^/]+?)"
            end = field.end()
        return regex + re.escape(self.pattern[end:]) + _COMPRESSED


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
        form = field["format"]
        if form and ("%" not in form or "/" in form or not _is_date(_LAST_MINUTE.strftime(form), form)):
            yield f"the file pattern {pattern!r}: {form!r} is no format of a date, such as %Y-%m-%d"


_LAST_MINUTE = datetime(2025, 12, 31, 23, 59)


def _is_date(text: str, form: str) -> bool:
    try:
        # The round trip refuses what strptime lets pass, such as 2025-3-5 for %Y-%m-%d.
        return datetime.strptime(text, form).strftime(form) == text
    except ValueError:
        return False
