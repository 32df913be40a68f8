"""The files that the demonstration uploads, and the planned result of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from samples.grocery_files import shop_days, shop_year
from samples.planted_damage import Planted, plant, untouched

SEED = 7
DAYS = (date(2017, 12, 29), date(2017, 12, 30))
SHOPS = (292, 306, 317, 319, 356, 361, 374, 381, 396, 406, 412, 432)
LARGE_SHOP = 367
SMALL_FILE_BYTES = 1_000_000
"""Larger than a day of a shop, smaller than the year of LARGE_SHOP: the limit between Lambda and Glue here."""
SALES = Path(__file__).parent.parent / "tests" / "data" / "sales" / "good.csv"
SALES_MONTHS = ("2024-05", "2024-06")


@dataclass(frozen=True)
class Plan:
    """first: uploaded first; correction: one of them again, corrected; sales: files of the Parquet table;
    large: a file for Spark, or None where Spark cannot run."""

    first: tuple[Planted, ...]
    correction: Planted
    sales: tuple[Planted, ...]
    large: Planted | None

    @property
    def final(self) -> dict[str, Planted]:
        """The files that the tables must have in the end, by key."""
        large = [self.large] if self.large else []
        return {planted.key: planted for planted in (*self.first, *self.sales, *large, self.correction)}

    @property
    def before(self) -> Planted:
        """The file that is corrected, as it was sent first."""
        return next(planted for planted in self.first if planted.key == self.correction.key)


def make(*, with_spark: bool) -> Plan:
    """Return the plan, the same each time: real days of shops, some damaged on purpose."""
    days = list(shop_days(DAYS, SHOPS))
    first = tuple(plant(days, seed=SEED))
    lines = dict(days)
    damaged = next(planted for planted in first if planted.key in lines and "damaged" in planted.story)
    large = untouched(f"grocery/{LARGE_SHOP}/2017-12-31.csv", shop_year(LARGE_SHOP)) if with_spark else None
    return Plan(first, untouched(damaged.key, lines[damaged.key]), tuple(_sales()), large)


def _sales() -> Iterator[Planted]:
    """Two days of an online shop, in two months: two partitions, which the crawler then looks at."""
    yield Planted(
        "sales/S001/2024-05-06.csv",
        SALES.read_bytes(),
        "dates in six formats, a row sent twice",
        rows_in=10,
        published=7,
        discarded={"test_transaction": 2, "duplicate": 1},
    )
    header = SALES.read_text().partition("\n")[0]
    quantities = (1, 2, 3, 1, 2, -1, 4, 1)
    lines = [
        f"JUN-{number},S001,P00001,2024-06-03,{quantity},3.50,EUR,online,toys,40,false,2024-06-04"
        for number, quantity in enumerate(quantities)
    ]
    yield Planted(
        "sales/S001/2024-06-03.csv",
        "\n".join([header, *lines, ""]).encode(),
        "a negative quantity",
        rows_in=8,
        published=7,
        quarantined=1,
        reasons={"quantity_is_between_1_and_1000": 1},
    )
