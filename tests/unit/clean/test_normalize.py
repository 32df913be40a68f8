"""What the cells of a batch say does not depend on how many cells there are, nor on what the others say."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandera.polars as pa
import polars as pl
import pytest

from sluice.clean.normalize import Cells
from sluice.contract.declarations import Discard, Reading
from sluice.contract.model import Contract
from sluice.contract.steps import Fill, Lowercase, MapValues

FORMS = {"day": ("%d.%m.%Y", "%Y-%m-%d", "%d %b %Y")}
POOLS = {
    "name": ["Ann", " ann ", "N/A", "", "-", "Bé", "\tx\u00a0", "none", "no one", "  "],
    "kind": ["A", "a", " A", "web", "WEB ", "n/a", "", "É"],
    "number": ["1", " 2", "3.0", "+4", "1e3", "99999999999999999999", "x", "-", "", "4 "],
    "price": ["1.005", " 2.675 ", "3", "4.10", "5.", "1e2", "12345678901", "free", "n/a", "", "-0"],
    "day": ["05.03.2025", " 2025-03-05", "5 Mar 2025", "31.02.2025", "soon", "-", "2025-03-05 "],
    "moment": ["2025-03-05T10:11:12", "2025-03-05 10:11:12 ", "2025-03-05T10:11:12.5Z", "2025-03-05", "now", "", "-"],
    "flag": ["true", " Yes ", "0", "n", "maybe", "n/a", ""],
    "weight": ["1.5", " 2 ", "nan", "inf", "1e400", "x", "-"],
}


class Row(pa.DataFrameModel):
    name: pl.String = pa.Field(nullable=True)
    kind: pl.String = pa.Field(nullable=True)
    number: pl.Int64 = pa.Field(nullable=True)
    price: pl.Decimal(12, 2) = pa.Field(nullable=True)  # type: ignore[valid-type]
    day: pl.Date = pa.Field(nullable=True)
    moment: pl.Datetime("us") = pa.Field(nullable=True)  # type: ignore[valid-type]
    flag: pl.Boolean = pa.Field(nullable=True)
    weight: pl.Float64 = pa.Field(nullable=True)


PLAIN = Contract(
    name="things",
    version=1,
    row=Row,
    files=("things/{date}.csv",),
    reading=Reading(null_markers=("", "n/a", "-", "none"), dates=FORMS),
    cleaning=(Lowercase("kind"), MapValues("kind", {"web": "online"}), Fill("kind", "unknown")),
)


def rows_of(columns: dict[str, Sequence[str | None]]) -> pl.DataFrame:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(POOLS, pl.String))
    return frame.with_columns(_row_number=pl.int_range(1, frame.height + 1, dtype=pl.Int64))


def dirty(rows: int, seed: int, various: bool) -> pl.DataFrame:
    """Rows of the pools' cells; various: most cells of a column are like no other."""
    draw = random.Random(seed)  # noqa: S311 no secret
    made = {
        "name": lambda: f" n{draw.randrange(10**9)}",
        "kind": lambda: f"K{draw.randrange(10**9)} ",
        "number": lambda: str(draw.randrange(10**9)),
        "price": lambda: f"{draw.randrange(10**6)}.{draw.randrange(1000):03}",
        "day": lambda: f"{draw.randrange(1, 29):02}.{draw.randrange(1, 13):02}.{draw.randrange(1000, 9999)}",
        "moment": lambda: f"2025-03-{draw.randrange(1, 32):02} {draw.randrange(24):02}:{draw.randrange(61):02}:11",
        "flag": lambda: f"{draw.randrange(10**9)}",
        "weight": lambda: f"{draw.random()}",
    }
    columns = {
        name: [made[name]() if various and draw.random() < 0.9 else draw.choice(pool) for _ in range(rows)]
        for name, pool in POOLS.items()
    }
    return rows_of(columns)


def told(contract: Contract, rows: pl.DataFrame, reader: Cells | None = None) -> list[tuple[object, ...]]:
    """Return of each row its texts, its values, and the columns that it has text in but no value, with that text."""
    cells = (reader or Cells(contract)).read(rows)
    wrong: dict[int, list[tuple[str, str]]] = {}
    for name, unparsed in cells.unparsed.items():
        for place, text in zip(unparsed.indices, unparsed.text, strict=True):
            wrong.setdefault(place, []).append((name, text))
    texts, values = cells.text.select("name", "kind").rows(), cells.values.rows()
    return [(texts[place], values[place], wrong.get(place, [])) for place in range(rows.height)]


@pytest.mark.parametrize("various", [False, True])
@pytest.mark.parametrize(
    "contract",
    [
        PLAIN,
        replace(PLAIN, discard=(Discard("none", when=pl.col("number") == "7"),)),
        replace(PLAIN, discard=(Discard("any", when=pl.any_horizontal(pl.col(pl.String) == "7")),)),
        replace(PLAIN, reading=Reading(null_markers=("1", "05.03.2025", "true", "Unbekannt"), dates=FORMS)),
        replace(PLAIN, reading=Reading(null_markers=("-",), dates=FORMS, decimal_comma=True)),
    ],
)
def test_a_cell_says_the_same_among_many_and_among_few(contract: Contract, various: bool):
    rows = dirty(12_000 if various else 3_000, seed=3, various=various)
    some = [*range(0, rows.height, 40), rows.height - 1]
    single = [told(contract, rows[place : place + 1])[0] for place in some]
    together = told(contract, rows)
    assert [together[place] for place in some] == single
    assert any(wrong for _, _, wrong in single)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("others", [0, 150, 3_000])
def test_a_cell_says_the_same_whichever_batches_came_before(before: bool, others: int):
    """before: the batch before had various cells; others: rows of various cells among 3,000 of few."""
    reader = Cells(PLAIN)
    reader.read(dirty(3_000, seed=1, various=before))
    rows = dirty(3_000, seed=2, various=False).vstack(dirty(others, seed=4, various=True))
    assert told(PLAIN, rows, reader) == told(PLAIN, rows)


@pytest.mark.parametrize("marker", ["no date", "UNBEKANNT", "grün", "\u212aein", "ẞ"])
def test_a_marker_is_told_among_texts_of_any_length(marker: str):
    contract = replace(PLAIN, reading=Reading(null_markers=(marker,), dates=FORMS))
    spellings = [marker.lower(), f" {marker.upper()}", marker]
    rows = rows_of({name: [*spellings, "a text as long as a book"] for name in POOLS})
    single = rows_of(dict.fromkeys(POOLS, spellings[:1]))
    assert Cells(contract).read(rows).text["name"].to_list() == [None, None, None, "a text as long as a book"]
    assert Cells(contract).read(single).text["name"].to_list() == [None]


def test_a_null_marker_that_is_a_value_of_the_type_is_no_value():
    contract = replace(PLAIN, reading=Reading(null_markers=("999", "01.01.1900", "n"), dates=FORMS))
    cells = {"number": "999", "price": " 999 ", "day": "01.01.1900", "flag": "N", "weight": "999"}
    rows = rows_of({name: [cells.get(name, "1")] * 2_000 for name in POOLS})
    values = Cells(contract).read(rows).values
    assert all(values[name].null_count() == 2_000 for name in cells)


@dataclass(frozen=True)
class SameAsName:
    """A step of a contract's own, which looks at another column."""

    columns: tuple[str, ...] = ("kind",)

    def apply(self, column: pl.Expr) -> pl.Expr:
        return column.fill_null(pl.col("name"))


def test_a_step_of_a_contracts_own_sees_the_other_columns_trimmed():
    contract = replace(PLAIN, cleaning=(SameAsName(),))
    rows = rows_of({name: ["-", " x ", "n/a"] * 700 if name == "kind" else [" Ann "] * 2_100 for name in POOLS})
    assert Cells(contract).read(rows).text["kind"].to_list() == ["Ann", "x", "Ann"] * 700


def test_a_column_that_no_row_has_is_filled():
    rows = rows_of({name: [None] * 2_000 for name in POOLS})
    read = Cells(PLAIN).read(rows)
    assert read.text["kind"].to_list() == ["unknown"] * 2_000
    assert read.values.drop("kind", "_row_number").null_count().row(0) == (2_000,) * 7
