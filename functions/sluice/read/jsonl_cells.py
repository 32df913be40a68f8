"""Turns decoded JSON objects into cells of text, and batches of them; refuses with a reason what is not sound."""

import json
from typing import Any

import polars as pl

from sluice.contract.model import EXTRA, Contract
from sluice.read.csv_grammar import NO_NUL
from sluice.read.csv_parser import MALFORMED_SCHEMA, ROW_NUMBER
from sluice.read.encoding import check_name
from sluice.read.source import RawBatch
from sluice.runtime.text import trimmed

IS_OBJECT = "row_is_a_json_object"
NO_REPEATED_KEY = "row_has_no_repeated_key"
NO_UNKNOWN_KEY = "row_has_no_unknown_key"


class _Number(str):
    """A number as the file writes it."""

    __slots__ = ()


class _Unsound(ValueError):
    """An object that cannot be believed; the reason is its only argument."""


class _Repeating(dict[str, Any]):
    """An object that has a key twice: which one holds cannot be guessed."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(found)


def _constant(_: str) -> None:
    raise _Unsound(IS_OBJECT)  # NaN and Infinity, which Python reads and JSON does not know


DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_constant, object_pairs_hook=_pairs)


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _nested(value)


def _nested(value: Any) -> str:
    if isinstance(value, _Number):
        return value
    if isinstance(value, _Repeating):
        raise _Unsound(NO_REPEATED_KEY)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_nested(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_nested, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class JsonRows:
    """Cells of the records of one batch, and what could not be read."""

    def __init__(self, contract: Contract) -> None:
        self._columns = contract.file_columns
        self._policy = contract.reading.unknown_columns
        self._known = {name.lower(): name for name in self._columns}
        self._known |= {alias.lower(): name for alias, name in contract.reading.aliases.items()}
        self.clear()

    def clear(self) -> None:
        names = (*self._columns, EXTRA) if self._policy == "keep" else self._columns
        self._cells: dict[str, list[str | None]] = {name: [] for name in names}
        self._numbers: list[int] = []
        self._malformed: list[tuple[int, str, str]] = []

    def __len__(self) -> int:
        return len(self._numbers) + len(self._malformed)

    def add(self, number: int, record: dict[str, Any], raw: str) -> None:
        try:
            cells = self._cells_of(record, escaped="\\u" in raw)
        except RecursionError:
            self.refuse(number, raw, IS_OBJECT)
        except _Unsound as unsound:
            self.refuse(number, raw, str(unsound))
        else:
            for name, column in self._cells.items():
                column.append(cells.get(name))
            self._numbers.append(number)

    def refuse(self, number: int, raw: str, reason: str) -> None:
        self._malformed.append((number, raw, reason))

    def _cells_of(self, record: dict[str, Any], *, escaped: bool) -> dict[str, str | None]:
        cells: dict[str, str | None] = {}
        unknown: dict[str, Any] = {}
        if isinstance(record, _Repeating):
            raise _Unsound(NO_REPEATED_KEY)
        for key, value in record.items():
            name = self._known.get(key) or self._known.get(trimmed(key).lower())
            if name is None:
                unknown[key] = value
            elif name in cells:
                raise _Unsound(NO_REPEATED_KEY)
            else:
                cells[name] = _cell(value)
        if unknown and self._policy == "reject":
            raise _Unsound(NO_UNKNOWN_KEY)
        if unknown and self._policy == "keep":
            cells[EXTRA] = _nested(unknown)
        # Only an escape can smuggle in what the text itself may not hold.
        for cell in cells.values() if escaped else ():
            _refuse_characters(cell or "")
        return cells

    def batch(self) -> RawBatch:
        """Return what was added, and begin anew."""
        rows = pl.DataFrame(
            {**self._cells, ROW_NUMBER: self._numbers},
            schema={**dict.fromkeys(self._cells, pl.String), ROW_NUMBER: pl.Int64},
        )
        malformed = pl.DataFrame(self._malformed, schema=MALFORMED_SCHEMA, orient="row")
        self.clear()
        return RawBatch(rows, malformed)


def _refuse_characters(cell: str) -> None:
    if "\0" in cell:
        raise _Unsound(NO_NUL)
    try:
        cell.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise _Unsound(f"row_{check_name('utf-8')}") from error
