"""The files that the demonstration uploads, and the planned result of each."""

from dataclasses import dataclass
from datetime import date

from samples.grocery_files import shop_days, shop_year
from samples.planted_damage import Planted, plant, untouched

SEED = 7
DAYS = (date(2017, 12, 29), date(2017, 12, 30))
SHOPS = (292, 306, 317, 319, 356, 361, 374, 381, 396, 406, 412, 432)
LARGE_SHOP = 367
SMALL_FILE_BYTES = 1_000_000
"""Larger than a day of a shop, smaller than the year of LARGE_SHOP: the limit between Lambda and Glue here."""


@dataclass(frozen=True)
class Plan:
    """first: uploaded first; correction: one of them again, corrected;
    large: a file for Spark, or None where Spark cannot run."""

    first: tuple[Planted, ...]
    correction: Planted
    large: Planted | None

    @property
    def final(self) -> dict[str, Planted]:
        """The files that the tables must have in the end, by key."""
        large = [self.large] if self.large else []
        return {planted.key: planted for planted in (*self.first, *large, self.correction)}


def make(*, with_spark: bool) -> Plan:
    """Return the plan, the same each time: real days of shops, some damaged on purpose."""
    days = list(shop_days(DAYS, SHOPS))
    first = tuple(plant(days, seed=SEED))
    lines = dict(days)
    damaged = next(planted for planted in first if planted.key in lines and "damaged" in planted.story)
    large = untouched(f"grocery/{LARGE_SHOP}/2017-12-31.csv", shop_year(LARGE_SHOP)) if with_spark else None
    return Plan(first, untouched(damaged.key, lines[damaged.key]), large)
