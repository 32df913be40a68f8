"""The engine publishes and quarantines exactly the rows that plain SQL says, with the same reasons."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from datasets.sales import contract
from samples.compare import differences
from samples.oracle import Oracle
from samples.sales_files import COLUMNS, Dirt, write_sales
from sluice.engines.polars_engine import Lineage, clean
from sluice.read.source import FileSource

LENIENT = replace(contract, quarantine_limit=1.0)
GOOD = {
    "transaction_id": "T-{number}", "store_id": "S1", "product_id": "P1", "sale_date": "2024-05-06",
    "quantity": "2", "unit_price": "3.50", "currency": "USD", "channel": "online", "category": "toys",
    "customer_age": "40", "is_test": "no", "updated_at": "2024-05-07T08:09:10",
}  # fmt: skip


def cleaned(csv: Path, out: Path) -> Path:
    lineage = Lineage(source_key="sales/S1/2024-05-06.csv", run_id="test", file_stem="part")
    clean(LENIENT, FileSource(csv), out, lineage=lineage)
    return out


def as_the_sql_says(csv: Path, tmp: Path) -> list[str]:
    with Oracle(csv, threads=1) as expected:
        return differences(cleaned(csv, tmp), expected)


@pytest.mark.parametrize(
    ("seed", "dirt"),
    [
        (1, Dirt()),
        (2, Dirt(level=3)),
        (3, Dirt(level=0)),
        (4, Dirt(level=5, ragged=0.02, multiline=0.02)),
        (5, Dirt(level=0.1, ragged=0.3, multiline=0.1, newer_copies=0.5, tied_copies=0.5, exact_copies=0.5)),
    ],
)
def test_a_generated_file_is_cleaned_as_the_sql_says(seed: int, dirt: Dirt, tmp_path: Path) -> None:
    csv = tmp_path / "sales.csv"
    write_sales(csv, 4_000, dirt=dirt, seed=seed)
    assert as_the_sql_says(csv, tmp_path / "out") == []


def file_with(column: str, texts: list[str], csv: Path) -> Path:
    """A file whose rows are good but for `column`, which holds each of the texts in turn."""
    rows = [GOOD | {"transaction_id": f"T-{number}", column: text} for number, text in enumerate(texts)]
    rows += [GOOD | {"transaction_id": f"G-{number}", "quantity": str(number)} for number in range(1, 8)]
    lines = [",".join(COLUMNS)]
    lines += [",".join('"' + row[name].replace('"', '""') + '"' for name in COLUMNS) for row in rows]
    csv.write_bytes("\n".join(lines).encode())
    return csv


def strung(*choices: str) -> list[str]:
    """Every text that takes one piece of each choice, in order; pieces are parted by |."""
    return ["".join(pieces) for pieces in product(*(choice.split("|") for choice in choices))]


SIGNS = "|+|-|--| "
WHOLE_NUMBERS = strung(
    SIGNS,
    "|0|7|007|120|121|1000|1001|9223372036854775807|9223372036854775808|99999999999999999999999999|٣|1_0|0x1",
    "|.|.0|.00|.5|e0|e|,0| ",
)
PRICES = strung(
    SIGNS + "|$",
    "|0|00|9|1234567890|9999999999|99999999999|inf|NaN",
    "|.|.0|.00|.5|.005|.0049999999999999999999999999|.995|,50|.1.2",
    "|e|e0|E2|e-2|e+1|e10|e-400|e400|e99999999999999| EUR",
)
DAYS, YEARS, BETWEEN = "|0|1|01|12|13|29|30|31|32|00|007", "2024|2023|1900|2000|0000|9999|24|20240|999", "-|/| ||."
CLOCKS = (
    "||T00:00:00|T23:59:59|T24:00:00|T9:05:07|T10:60:00|T10:00:60|T10:00|T| 10:00:00|t10:00:00|T10:00:00Z|T10:00:00.5"
)
DATES = [
    text
    for mark in BETWEEN.split("|")
    for text in (
        *strung(YEARS, mark, DAYS + "|Feb|Mai", mark, DAYS, CLOCKS),
        *strung(DAYS, mark, DAYS + "|Jan|FEB|feb|Sept|June|Mär", mark, YEARS, "|T00:00:00"),
    )
] + strung(DAYS, "-|/", DAYS, "/|-", YEARS)
MOMENTS = strung(
    "2024-02-29|2023-02-29|2024-13-05|1000-01-01|9999-12-30|20240506",
    "T| |t|  |",
    "|10:20|23:59|24:00|10:60|10|1020",
    "|:30|:59|:60",
    "|.|.5|.123456|.1234567|.999999999|,5",
    "|Z|+00:00|+02:00|-05:30|+14:00|+24:00|+02:60",
)
TEXTS = strung(*['|TEST|T|e| |\t|\n|\u00a0|\u3000|\u200b|null|N/A|-|É|"|yes|usd|Online'] * 3)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("quantity", WHOLE_NUMBERS),
        ("customer_age", WHOLE_NUMBERS),
        ("unit_price", PRICES),
        ("sale_date", DATES),
        ("updated_at", MOMENTS),
        *((name, TEXTS) for name in ("transaction_id", "store_id", "category", "channel", "currency", "is_test")),
    ],
)
def test_a_cell_is_read_as_the_sql_reads_it(column: str, cells: list[str], tmp_path: Path) -> None:
    assert as_the_sql_says(file_with(column, cells, tmp_path / "in.csv"), tmp_path / "out") == []


SAMPLES = Path(__file__).parents[2] / "data" / "sales"


def test_the_good_sample_is_published_but_for_what_is_discarded(tmp_path: Path) -> None:
    assert as_the_sql_says(SAMPLES / "good.csv", tmp_path) == []
    published = pl.read_parquet(tmp_path / "published/**/*.parquet").sort("_row_number")
    assert published["_row_number"].to_list() == [2, 3, 4, 5, 6, 7, 8]
    # The first row has a newer version, rows 9 and 10 are tests.
    assert published["sale_date"].unique().to_list() == [date(2024, 5, 6)]
    assert published["unit_price"].to_list()[:4] == [
        Decimal(price) for price in ("12.00", "0.01", "9999999999.99", "1.01")
    ]


def test_each_row_of_the_bad_sample_is_quarantined_by_the_named_rules(tmp_path: Path) -> None:
    assert as_the_sql_says(SAMPLES / "bad.csv", tmp_path) == []
    quarantined = pl.read_parquet(tmp_path / "quarantine/*.parquet")
    expected = pl.read_csv(SAMPLES / "bad.expected.csv")
    assert dict(quarantined.select("_row_number", pl.col("_reasons").list.sort().list.join(" ")).rows()) == dict(
        expected.rows()
    )


def test_the_bad_sample_breaks_every_rule_that_a_generated_file_breaks(tmp_path: Path) -> None:
    """So that a rule which is added with its damage is not forgotten in the sample."""
    csv = tmp_path / "sales.csv"
    write_sales(csv, 20_000, dirt=Dirt(ragged=0.01))
    with Oracle(csv, threads=1) as generated, Oracle(SAMPLES / "bad.csv", threads=1) as sample:
        assert sample.counts.reasons.keys() >= generated.counts.reasons.keys()
