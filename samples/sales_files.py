"""Writes dirty sales files of any size, byte for byte the same for the same seed, in bounded memory.

    python -m samples.sales_files ROWS OUT.csv [--dirt 1.0] [--seed 7] [--ragged 0.001] [--multiline 0.001]

ROWS counts the transactions made; copies of them (duplicates) come on top.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from samples.ragged_lines import spoil

COLUMNS = [
    "transaction_id", "store_id", "product_id", "sale_date", "quantity", "unit_price", "currency", "channel",
    "category", "customer_age", "is_test", "updated_at",
]  # fmt: skip
HEADER = ",".join(COLUMNS) + "\n"
CHUNK_ROWS = 200_000
CARRIED_ROWS = 2_000  # rows remembered from each chunk, so that some copies lie far from their originals

NULL_MARKERS = ["", "  ", "N/A", "n/a", "null", "NULL", "NaN", "none", "None", "-", " - "]
CATEGORIES = ["grocery", "electronics", "apparel", 'home, garden & "diy"', "toys", "Bücher"]
CHANNELS = ["online", "in_store", "mobile", "partner"]
CURRENCIES = ["USD", "EUR", "GBP"]
DATE_FORMATS = ["%Y-%m-%d", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %b %Y"]
NO_DATES = [
    "not a date", "2024-02-30", "31-04-2024", "13/45/2024", "2023-02-29", "20241301", "31 Jun 2024", "2024",
    "24-01-05", "2024-01-05T25:00:00", "05.01.2024", "0000-00-00",
]  # fmt: skip
ODD_DATES = ["2024-1-5", "1/5/2024", "5-1-2024", "2024/1/5", "5 jan 2024", "5 JAN 2024", "2024-02-29"]
FIRST_DAY = 19_358  # 2023-01-01, in days
DAYS = 731
FIRST_UPDATE = 1_735_689_600  # 2025-01-01, in seconds

# Share of rows at --dirt 1 and what stands in the cell instead. About 6 % of the rows end quarantined.
DAMAGE: dict[str, list[tuple[float, Sequence[str]]]] = {
    "transaction_id": [(0.0005, NULL_MARKERS)],
    "store_id": [(0.0005, NULL_MARKERS)],
    "product_id": [(0.02, NULL_MARKERS), (0.002, ["  P00007 ", "P00008\t"])],
    "sale_date": [(0.001, NULL_MARKERS), (0.004, NO_DATES), (0.002, ODD_DATES), (0.001, [" 2024-03-01 "])],
    "quantity": [
        (0.02, NULL_MARKERS),
        (0.004, ["two", "2.5", "1e2", "0x10", "1 000", "--3"]),
        (0.004, ["0", "-1", "-7", "1001", "99999", "99999999999999999999999", "-0"]),
        (0.01, ["3.0", "+3", " 4 ", "007", "2.000", "1000", "1000.0", "1"]),
    ],
    "unit_price": [
        (0.02, NULL_MARKERS),
        (0.003, ["free", "$12.50", "12,50", "1,234.50", "1.2.3", "12 EUR", "5.", "inf", "0x1F"]),
        (0.002, ["0.00", "0", "0.004", "-0.001", "-3.99", "-12", "0.0049999999999999999999999", "-0"]),
        (0.0003, ["99999999999.00", "12345678901", "9999999999.995", "1e10"]),
        (0.02, ["1.005", "2.675", "1.115", "0.005", "19.999", "10.004", "8.0049999999999999999", "7.12500"]),
        (0.003, ["1.25e1", "5E-1", "3e0", "125e-2", "+4.50", ".75", "9999999999.99", "00012.50", " 6.10 "]),
        (0.005, ["899.99", "1500.00", "4210.5", "7999"]),
    ],
    "currency": [(0.001, NULL_MARKERS), (0.001, ["CHF", "US$", "dollars"])],
    "channel": [(0.001, NULL_MARKERS), (0.001, ["phone", "on line", "in-store"])],
    "category": [(0.02, NULL_MARKERS), (0.001, ["TOYS ", " Bücher", "ÉPICERIE"])],
    "customer_age": [
        (0.05, NULL_MARKERS),
        (0.003, ["999", "121", "-1", "1000000000000000000000"]),
        (0.001, ["thirty", "34.5", "30+"]),
        (0.002, ["0", "120", "41.0", "+35"]),
    ],
    "is_test": [
        (0.005, ["true", "TRUE", "1", "Y", "yes", " Yes "]),
        (0.02, NULL_MARKERS),
        (0.02, ["no", "0", "F", "truly"]),
    ],
    "updated_at": [
        (0.03, NULL_MARKERS),
        (
            0.002,
            ["yesterday", "2025-02-30T10:00:00", "2025-01-01T25:00:00", "2025-01-01T10:00 CET", "1735725600"],
        ),
        (0.01, ["2025-01-01", "2025-03-01T12:30", "2025-03-01 12:30Z", "2025-03-01T12:30:15.250+02:00"]),
        (0.01, ["2025-03-01T11:00:00Z", "2025-03-01T12:00:00+01:00", "2025-03-01 05:00:00-06:00"]),
    ],
}


@dataclass(frozen=True)
class Dirt:
    """How dirty a file is: `level` multiplies the rates, `ragged` and `multiline` are shares of rows."""

    level: float = 1.0
    ragged: float = 0.0
    multiline: float = 0.0
    mixed_dates: float = 0.5
    odd_case: float = 0.1
    test_ids: float = 0.005
    exact_copies: float = 0.005
    newer_copies: float = 0.004
    tied_copies: float = 0.002


def write_sales(path: Path, rows: int, *, dirt: Dirt = Dirt(), seed: int = 7) -> int:
    """Write a sales CSV of `rows` transactions and their copies; returns the number of records written.

    A record of several lines that was then spoiled counts once, though readers find each of its lines.
    """
    written = 0
    with path.open("wb") as file:
        file.write(HEADER.encode())
        for lines in sales_lines(rows, dirt=dirt, seed=seed):
            file.write("\n".join(lines).encode() + b"\n")
            written += len(lines)
    return written


def sales_lines(rows: int, *, dirt: Dirt, seed: int) -> Iterator[pl.Series]:
    """Records of a sales CSV, about CHUNK_ROWS a time, without their line ends."""
    rng = np.random.default_rng(seed)
    carried: pl.DataFrame | None = None
    for start in range(0, rows, CHUNK_ROWS):
        chunk = _transactions(rng, start, min(CHUNK_ROWS, rows - start), dirt)
        chunk = _with_copies(rng, chunk, carried, dirt)
        carried = chunk.sample(min(CARRIED_ROWS, chunk.height), seed=int(rng.integers(1 << 31)))
        yield spoil(_lines(rng, chunk, dirt), rate=dirt.ragged, rng=rng)


def _transactions(rng: np.random.Generator, start: int, rows: int, dirt: Dirt) -> pl.DataFrame:
    def number(low: int, high: int) -> pl.Series:
        return pl.Series(rng.integers(low, high, rows))

    def one_of(values: Sequence[str], shares: Sequence[float] | None = None) -> pl.Series:
        return pl.Series(values).gather(rng.choice(len(values), rows, p=shares))

    def numbered(prefix: str, numbers: pl.Series, digits: int) -> pl.Series:
        return prefix + numbers.cast(pl.String).str.zfill(digits)

    quantity = np.minimum(rng.geometric(0.35, rows), 60)
    cents = np.maximum(np.round(np.exp(rng.normal(3, 0.8, rows)) * 100), 1).astype(np.int64)
    columns = {
        "transaction_id": numbered("TXN-", pl.Series(np.arange(start, start + rows)), 10),
        "store_id": numbered("S", number(1, 400), 3),
        "product_id": numbered("P", number(1, 5000), 5),
        "sale_date": _dates(rng, rows, dirt),
        "quantity": pl.Series(quantity).cast(pl.String),
        "unit_price": (pl.Series(cents) / 100).round(2).cast(pl.String),
        "currency": one_of(CURRENCIES, [0.7, 0.2, 0.1]),
        "channel": one_of(CHANNELS),
        "category": one_of(CATEGORIES),
        "customer_age": number(16, 90).cast(pl.String),
        "is_test": one_of(["false"]),
        "updated_at": _texts(FIRST_UPDATE + rng.integers(0, 10**7, rows)),
    }
    for name in ("currency", "channel", "category"):
        columns[name] = _odd_case(rng, columns[name], dirt.odd_case * dirt.level)
    for name, damages in DAMAGE.items():
        for rate, values in damages:
            columns[name] = _patch(rng, columns[name], rate * dirt.level, values)
    tests = _some(rng, rows, dirt.test_ids * dirt.level)
    columns["transaction_id"] = columns["transaction_id"].scatter(
        tests, "TEST" + columns["transaction_id"].gather(tests).str.strip_prefix("TXN")
    )
    if dirt.multiline:
        columns["category"] = _patch(
            rng, columns["category"], dirt.multiline, ["toys\nand games", "a\n\nb", 'x,\n"y"\n']
        )
    return pl.DataFrame(columns)


def _texts(seconds: np.ndarray) -> pl.Series:
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S")


def _some(rng: np.random.Generator, rows: int, share: float) -> np.ndarray:
    return np.unique(rng.integers(0, rows, rng.binomial(rows, min(share, 1.0))))


def _patch(rng: np.random.Generator, column: pl.Series, share: float, values: Sequence[str]) -> pl.Series:
    where = _some(rng, len(column), share)
    return column.scatter(where, pl.Series(values).gather(rng.integers(0, len(values), len(where))))


def _dates(rng: np.random.Generator, rows: int, dirt: Dirt) -> pl.Series:
    days = pl.Series(FIRST_DAY + np.arange(DAYS)).cast(pl.Int32).cast(pl.Date)
    texts = pl.concat([days.dt.strftime(form) for form in DATE_FORMATS])
    form = np.where(rng.random(rows) < dirt.mixed_dates, rng.integers(1, len(DATE_FORMATS) + 1, rows), 0)
    day = rng.integers(0, DAYS, rows)
    dates = texts.gather(form % len(DATE_FORMATS) * DAYS + day)
    timed = np.flatnonzero(form == len(DATE_FORMATS))
    seconds = pl.Series(rng.integers(0, 86_400, len(timed)) * 10**9).cast(pl.Time)
    return dates.scatter(timed, dates.gather(timed) + seconds.dt.strftime("T%H:%M:%S"))


def _odd_case(rng: np.random.Generator, column: pl.Series, share: float) -> pl.Series:
    thirds = np.array_split(rng.permutation(_some(rng, len(column), share)), 3)
    for where, change in zip(
        map(np.sort, thirds),
        (
            lambda text: "  " + text + " ",
            lambda text: text.str.to_uppercase(),
            lambda text: text.str.to_titlecase(),
        ),
        strict=True,
    ):
        column = column.scatter(where, change(column.gather(where)))
    return column


def _with_copies(
    rng: np.random.Generator, chunk: pl.DataFrame, carried: pl.DataFrame | None, dirt: Dirt
) -> pl.DataFrame:
    """The chunk, shuffled, with exact copies, newer versions and versions with the same or no updated_at."""
    pool = chunk if carried is None else pl.concat([chunk, carried])
    newer = pool[_some(rng, pool.height, dirt.newer_copies * dirt.level)].with_columns(
        updated_at=pl.lit("2025-06-01T00:00:00"), quantity=pl.lit("3")
    )
    tied = pool[_some(rng, pool.height, dirt.tied_copies * dirt.level)]
    tied = tied.with_columns(pl.Series("unit_price", rng.integers(1, 9999, tied.height)).cast(pl.String))
    unknown = tied[::2].with_columns(updated_at=pl.lit(""))
    exact = pool[_some(rng, pool.height, dirt.exact_copies * dirt.level)]
    whole = pl.concat([chunk, exact, newer, tied, unknown])
    return whole[rng.permutation(whole.height)]


def _lines(rng: np.random.Generator, chunk: pl.DataFrame, dirt: Dirt) -> pl.Series:
    needs_quotes = '[",\n]'
    cells = []
    for name in COLUMNS:
        cell = pl.col(name)
        if name in ("category", "unit_price"):
            quoted = '"' + cell.str.replace_all('"', '""', literal=True) + '"'
            cell = pl.when(cell.str.contains(needs_quotes)).then(quoted).otherwise(cell)
        cells.append(cell)
    lines = chunk.select(line=pl.concat_str(cells, separator=","))["line"]
    where = _some(rng, len(lines), 0.01 * dirt.level)
    everything = [('"' + pl.col(name).str.replace_all('"', '""', literal=True) + '"') for name in COLUMNS]
    return lines.scatter(where, chunk[where].select(line=pl.concat_str(everything, separator=","))["line"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dirt", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ragged", type=float, default=0.0)
    parser.add_argument("--multiline", type=float, default=0.0)
    given = parser.parse_args()
    dirt = Dirt(level=given.dirt, ragged=given.ragged, multiline=given.multiline)
    print(write_sales(given.out, given.rows, dirt=dirt, seed=given.seed), "records")


if __name__ == "__main__":
    main()
