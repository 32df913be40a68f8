from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from sluice.partitions import formatted

FIRST = datetime(2023, 12, 31, 23, 59, 59)
MOMENTS = [FIRST + timedelta(hours=7 * number) if number % 5 else None for number in range(2_000)]
MANY_YEARS = [date(1000, 1, 1), None, date(9999, 12, 31), date(2025, 2, 28)]


@pytest.mark.parametrize(
    "times",
    [
        pl.Series("t", MOMENTS),
        pl.Series("t", MOMENTS, dtype=pl.Datetime("ns")),
        pl.Series("t", [moment and moment.replace(tzinfo=UTC) for moment in MOMENTS]).dt.convert_time_zone(
            "Asia/Tokyo"
        ),
        pl.Series("t", [moment and moment.date() for moment in MOMENTS]),
        pl.Series("t", MANY_YEARS),
        pl.Series("t", [None, None], dtype=pl.Date),
        pl.Series("t", [], dtype=pl.Datetime("us")),
    ],
)
@pytest.mark.parametrize("form", ["%Y-%m", "%Y-%m-%d", "week %G-%V 100%%", "%d.%m.%y %a %b", "%Y-%m-%d %H:%M"])
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_partition_is_the_time_as_polars_formats_it(times: pl.Series, form: str, engine: str):
    if "%H" in form and times.dtype == pl.Date:
        return
    told = times.to_frame().lazy().select(formatted(pl.col("t"), form)).collect(engine=engine)  # type: ignore[call-overload]
    assert told.to_series().equals(times.dt.strftime(form), check_names=True)
