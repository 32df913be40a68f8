"""Which texts mean that there is no value."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from cli.infer.kinds import guess
from sluice.runtime.text import trimmed

SURE = ("n/a", "#n/a", "null", "nan", "<na>", "\\n")
"""Nothing else is meant by these."""

PERHAPS = ("na", "none", "nil", "-", "--", "?", ".", "unknown", "missing", "not available")
"""Words that a text column may mean: believed where all else in some column is a number or a date."""


@dataclass(frozen=True)
class Markers:
    """taken: the contract's null markers. doubtful: marker → text columns in which it stands."""

    taken: tuple[str, ...]
    doubtful: dict[str, list[str]]


def null_markers(texts: dict[str, pl.DataFrame], named: Collection[str] = ()) -> Markers:
    """Return the markers of the samples. texts: for each column `text` (distinct, trimmed) and `rows`.

    named: those that a person named.
    """
    taken = {trimmed(marker).lower() for marker in named if trimmed(marker)}
    decided = frozenset(taken)
    standing: dict[str, list[str]] = {}
    for name, column in texts.items():
        lower = column["text"].str.to_lowercase()
        found = set(lower.filter(lower.is_in([*SURE, *PERHAPS])))
        taken |= found & set(SURE)
        rest = column.filter(~lower.is_in(["", *SURE, *PERHAPS, *taken]))
        if rest.height and guess(name, rest, with_nulls=True).dtype != pl.String():
            taken |= found
        else:
            for marker in found - decided:
                standing.setdefault(marker, []).append(name)
    order = dict.fromkeys((*SURE, *PERHAPS, *sorted(taken)))
    return Markers(("", *(marker for marker in order if marker in taken)), standing)
