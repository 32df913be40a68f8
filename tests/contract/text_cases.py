"""Text that looks right and is not, options of reading, and the right outcome: the inputs are in tests/data/cases.

In a module of its own: Spark's workers import the contracts by its name.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl

from sluice.contract import RAW, Contract, Discard, Reading, TextFormat, Unique
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


class Days(pa.DataFrameModel):
    """A text and a date."""

    k: pl.String
    day: pl.Date


class Sizes(pa.DataFrameModel):
    """Numbers of each type."""

    k: pl.String
    d: pl.Decimal(9, 2) = pa.Field(nullable=True)
    i: pl.Int64 = pa.Field(nullable=True)
    f: pl.Float64 = pa.Field(nullable=True)


def contract(row: type[pa.DataFrameModel], **settings: Any) -> Contract:
    return Contract(**{"name": "case", "version": 1, "row": row, "files": ("case/{f}.csv",), **NO_LIMIT, **settings})


NO_LIMIT = {"quarantine_limit": 1.0}


@dataclass(frozen=True)
class Case:
    """published: the rows, as tuples; quarantined: row number → reasons; discarded: rows by rule.

    key: the object's. paths: the partitions.
    """

    contract: Contract
    published: list[tuple[Any, ...]] = field(default_factory=list)
    quarantined: dict[int, list[str]] = field(default_factory=dict)
    discarded: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    paths: list[str] = field(default_factory=lambda: [""])

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [dict(zip(self.contract.types, row, strict=True)) for row in self.published]


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
    "invisible_only": Case(TEXTS, [], {1: ["k_is_present"]}, paths=[]),
    "lone_cr": Case(TEXTS, [("B", "fine")], {1: [CUT_OFF], 2: [SHORT]}),
    "lone_crs": Case(TEXTS, [("B", "fine")], {1: [CUT_OFF], 2: [SHORT], 3: [SHORT]}),
    "lone_cr_at_the_end": Case(TEXTS, [], {1: [CUT_OFF], 2: [SHORT]}, paths=[]),
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


def read_as(row: type[pa.DataFrameModel], **settings: Any) -> Contract:
    return contract(row, reading=Reading(format=TextFormat(**settings)))


BY_COLUMN = Reading(null_markers={"v": ("", "NA")})
BY_KEY: dict[str, Any] = {"files": ("case/{day:%Y-%m-%d}.csv",), "same_as_key": ("day",)}
FOOTER = Discard("footer", when=RAW.str.contains(r"^\([0-9]+ rows affected\)$"))
IGNORING = Reading(unknown_columns="ignore")

OPTIONS = {
    "null_markers_by_column": Case(contract(Texts, reading=BY_COLUMN), [("NA", None), ("?", "?"), ("A", None)]),
    "null_markers_of_numbers_by_column": Case(contract(Numbers, reading=BY_COLUMN), [("NA", None), ("DE", 3)]),
    "empty_or_null": Case(read_as(Texts, quoted_empty_is_text=True), [("A", ""), ("B", None), ("C", "x"), ("D", None)]),
    "empty_or_null_in_front": Case(
        read_as(Texts, quoted_empty_is_text=True), [("", "x")], {2: ["k_is_present"], 3: [SHORT]}
    ),
    "empty_number": Case(read_as(Numbers, quoted_empty_is_text=True), [("A", None), ("B", None), ("C", 1)]),
    "escapes": Case(
        read_as(Texts, escape="\\"),
        [("A", '19" rack'), ("B", "a\\b"), ("C", "plain"), ("D", 'a\n"b"\\'), ("E", '"'), ("F", "C:\\new")],
    ),
    "trailing_delimiter": Case(
        read_as(Numbers, trailing_delimiter=True), [("A", 1), ("B", 2)], {3: ["row_has_no_extra_field"], 4: [SHORT]}
    ),
    "trailing_delimiter_of_the_header": Case(read_as(Numbers, trailing_delimiter=True), [("A", 1), ("B", 2)]),
    "sep_line": Case(read_as(Numbers, delimiter=";", skip_lines=1), [("A", 1), ("B", 2)]),
    "lines_above": Case(read_as(Numbers, skip_lines=3), [("A", 1)]),
    "unnamed_columns": Case(contract(Numbers, reading=IGNORING), [("A", 1), ("B", 2)]),
    "footer": Case(contract(Numbers, discard=(FOOTER,)), [("A", 1), ("B", 2)], {4: [SHORT]}, {"footer": 1}),
    "key_date": Case(
        contract(Days, reading=Reading(dates={"day": ("%d.%m.%Y",)}), **BY_KEY),
        [("A", date(2025, 3, 5))],
        {2: ["day_equals_key"], 3: ["day_is_a_date"], 4: ["day_is_present"]},
        key="case/2025-03-05.csv",
    ),
    "key_number": Case(
        contract(Numbers, files=("case/{v}.csv",), same_as_key=("v",)),
        [("A", 7), ("B", 7), ("C", 7), ("E", None)],
        {4: ["v_equals_key"]},
        key="case/007.csv",
    ),
}

SIZES = Case(
    contract(Sizes),
    [("B", Decimal("9999999.99"), 2**63 - 1, -0.0), ("C", Decimal(12), 12, 12.0), ("D", Decimal("0.5"), None, 0.5)],
    {
        1: ["d_fits_decimal_9_2", "i_fits_int64", "f_fits_float64"],
        4: ["d_is_a_number", "i_is_a_whole_number", "f_is_a_number"],
    },
)
CASES = LOOKALIKES | OPTIONS | {"sizes": SIZES}
