from datetime import date, datetime, timedelta
from itertools import product

import polars as pl
import pytest

from sluice.contract.partitions import formatted

FIRST = datetime(2023, 12, 31, 23, 59, 59)
MOMENTS = [FIRST + timedelta(hours=7 * number) if number % 5 else None for number in range(2_000)]
MANY_YEARS = [date(1000, 1, 1), None, date(9999, 12, 31), date(2025, 2, 28)]


DATES = [
    pl.Series("t", [moment and moment.date() for moment in MOMENTS]),
    pl.Series("t", MANY_YEARS),
    pl.Series("t", [None, None], dtype=pl.Date),
]
TIMES = [
    pl.Series("t", MOMENTS),
    pl.Series("t", MOMENTS, dtype=pl.Datetime("ns")),
    pl.Series("t", MOMENTS).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    pl.Series("t", [], dtype=pl.Datetime("us")),
]
OF_A_DAY = ["%Y-%m", "%Y-%m-%d", "week %G-%V 100%%", "%Y%C%y%m%d%b%B%h%a%A%j%F%D%x%u%w%U%W%G%g%V"]


@pytest.mark.parametrize(
    ("times", "form"),
    [*product([*DATES, *TIMES], OF_A_DAY), *product(TIMES, ["%Y-%m-%d %H:%M"])],
)
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_partition_is_the_time_as_polars_formats_it(times: pl.Series, form: str, engine: str):
    told = times.to_frame().lazy().select(formatted(pl.col("t"), form)).collect(engine=engine)  # type: ignore[call-overload]
    assert told.to_series().equals(times.dt.strftime(form), check_names=True)
