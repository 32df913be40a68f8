"""How a file's columns differ from the contract's, and what the contract does about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import polars as pl

from sluice.contract.model import Contract

Kind = Literal["unknown", "missing", "renamed", "retyped"]

_ALIKE = 0.6
"""How alike two names must be (difflib's ratio, 0 to 1) to be taken for one column; the same position counts too."""

_MOST = 20
_SHOWN = 60
"""Unknown columns that are compared, and characters of their names that are shown: a header may be hostile."""

_RETYPED = 0.5
"""The share of a file's rows whose value is not of the column's type, from which on the column has changed."""

_KINDS = {
    "a_number": "numbers",
    "a_whole_number": "whole numbers",
    "a_date": "dates as declared",
    "a_timestamp": "timestamps as declared",
    "true_or_false": "true or false",
}


@dataclass(frozen=True)
class Drift:
    """One column that is not as expected. column: the contract's name, or the file's when it is unknown.

    policy: what becomes of it: rejected (the file), ignored, kept (in `_extra`), filled (with no value), or
    quarantined (its rows). message: what drifted, in words, with what to do about it.
    """

    kind: Kind
    column: str
    policy: str
    message: str


def of_header(contract: Contract, missing: Sequence[str], unknown: Mapping[str, int]) -> list[Drift]:
    """Return the drift of a header. missing: the contract's columns; unknown: the file's names → index."""
    renamed = _renamed(contract, missing, unknown)
    policy = {"reject": "rejected", "ignore": "ignored", "keep": "kept"}[contract.reading.unknown_columns]
    return [
        *(Drift("renamed", old, _of_missing(contract, old), _told(old, new[:_SHOWN])) for old, new in renamed.items()),
        *(
            Drift("missing", name, _of_missing(contract, name), f"no column {name!r}")
            for name in missing
            if name not in renamed
        ),
        *(
            Drift("unknown", name[:_SHOWN], policy, f"column {name[:_SHOWN]!r} is not of the contract")
            for name in list(unknown)[:_MOST]
            if name not in renamed.values()
        ),
    ]


def _told(old: str, new: str) -> str:
    return f"{old!r} may be called {new!r} now; if so, declare aliases={{{new!r}: {old!r}}}"


def _of_missing(contract: Contract, name: str) -> str:
    return "filled" if name in contract.reading.optional else "rejected"


def _renamed(contract: Contract, missing: Sequence[str], unknown: Mapping[str, int]) -> dict[str, str]:
    """Return old → new names: those that are alike, then those that stand where the contract has the old one."""
    left = dict(list(unknown.items())[:_MOST])
    found: dict[str, str] = {}
    positions = {name: at for at, name in enumerate(contract.file_columns)}
    for old in missing:
        alike = max(left, key=lambda new: _likeness(old, new), default=None)
        if alike is not None and _likeness(old, alike) >= _ALIKE:
            found[old] = alike
            del left[alike]
    for old in missing:
        at_its_position = [new for new, at in left.items() if at == positions[old]]
        if old not in found and at_its_position and len(missing) == len(unknown):
            found[old] = at_its_position[0]
            del left[at_its_position[0]]
    return found


def _likeness(old: str, new: str) -> float:
    return SequenceMatcher(None, old.lower(), new.strip().lower().replace(" ", "_").replace("-", "_")).ratio()


def of_values(contract: Contract, rows: int, reasons: Mapping[str, int]) -> list[Drift]:
    """Return the columns most of whose values are not of their type. reasons: failed check → rows."""
    found = []
    for name, dtype in contract.parsed.items():
        for kind, what in _KINDS.items():
            count = reasons.get(f"{name}_is_{kind}", 0)
            if dtype != pl.String() and rows and count >= _RETYPED * rows:
                message = f"{count:,} of {rows:,} values of {name!r} are not {what}: has its type changed?"
                found.append(Drift("retyped", name, "quarantined", message))
    return found
