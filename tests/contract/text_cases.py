"""Text that looks right and is not, options of reading, and the right outcome: the inputs are in tests/data/cases.

In a module of its own: Spark's workers import the contracts by its name.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl

from sluice.contract import Contract, Unique
from tests.contract.samples import DATA


class Texts(pa.DataFrameModel):
    """Two texts."""

    k: pl.String
    v: pl.String = pa.Field(nullable=True)


class Numbers(pa.DataFrameModel):
    """A text and a number."""

    k: pl.String
    v: pl.Int64 = pa.Field(nullable=True)


class Words(pa.DataFrameModel):
    """One text."""

    word: pl.String


def contract(row: type[pa.DataFrameModel], **settings: Any) -> Contract:
    return Contract(**{"name": "case", "version": 1, "row": row, "files": ("case/{f}.csv",), **NO_LIMIT, **settings})


NO_LIMIT = {"quarantine_limit": 1.0}


@dataclass(frozen=True)
class Case:
    """published: the rows, as tuples; quarantined: row number → reasons; discarded: rows by rule."""

    contract: Contract
    published: list[tuple[Any, ...]] = field(default_factory=list)
    quarantined: dict[int, list[str]] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)
    key: str | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [dict(zip(self.contract.parsed, row, strict=True)) for row in self.published]


def file(name: str) -> Path:
    """Return the input of a case."""
    return next((DATA / "cases" / name).glob("input.*"))


TEXTS, NUMBERS, WORDS = contract(Texts), contract(Numbers), contract(Words)
AGAIN, CUT_OFF, SHORT = "row_is_not_the_header", "row_has_quoted_line_ends", "row_has_every_field"

LOOKALIKES = {
    "header_again": Case(TEXTS, [("A", "x"), ("B", "y")], {2: [AGAIN]}),
    "header_again_with_a_mark": Case(TEXTS, [("A", "x"), ("B", "y")], {2: [AGAIN]}),
    "header_again_otherwise_written": Case(TEXTS, [("A", "x"), ("V", "k"), ("k", "x")], {2: [AGAIN]}),
    "header_again_above_numbers": Case(NUMBERS, [("A", 1), ("B", 2)], {2: [AGAIN, "v_is_a_whole_number"]}),
    "header_again_of_one_column": Case(WORDS, [("A",), ("B",)], {2: [AGAIN]}),
    "invisible": Case(contract(Texts, unique=Unique(key=("k",))), [("A", "8")], discarded={"duplicate": 7}),
    "invisible_inside": Case(TEXTS, [("می\u200cرود", "👩\u200d🚀")]),
    "invisible_only": Case(TEXTS, [], {1: ["k_is_present"]}),
    "lone_cr": Case(TEXTS, [("B", "fine")], {1: [CUT_OFF], 2: [SHORT]}),
    "lone_crs": Case(TEXTS, [("B", "fine")], {1: [CUT_OFF], 2: [SHORT], 3: [SHORT]}),
    "lone_cr_at_the_end": Case(TEXTS, [], {1: [CUT_OFF], 2: [SHORT]}),
    "lone_cr_in_one_column": Case(WORDS, [("fine",)], {1: [CUT_OFF], 2: [CUT_OFF]}),
    "lf_in_a_crlf_file": Case(TEXTS, [("B", "fine"), ("C", "x")], {2: [CUT_OFF], 3: [SHORT]}),
    "crlf_in_an_lf_file": Case(TEXTS, [("B", "fine")], {1: [CUT_OFF], 2: [SHORT]}),
    "two_line_ends": Case(TEXTS, [("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")]),
    "quoted_line_ends": Case(TEXTS, [("A", "first\rsecond\nthird"), ("B", "fine")]),
    "typographic_quotes": Case(
        TEXTS,
        [("D", "“Great” he said"), ("E", "19” rack")],
        {
            1: ["k_has_straight_quotes"],
            2: ["k_has_straight_quotes", "v_has_straight_quotes"],
            3: ["row_has_no_extra_field"],
            4: ["k_has_straight_quotes"],
            7: ["k_has_straight_quotes"],
        },
    ),
    "space_before_quotes": Case(TEXTS, [("B", "y")], {1: ["row_has_well_formed_quotes"]}),
}

CASES = LOOKALIKES
