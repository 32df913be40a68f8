from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract.date_formats import format_problems
from sluice.contract.declarations import Reading
from sluice.contract.reading_problems import date_problems
from sluice.contract.values import outside_time_zone, parse

MOMENT = pl.Datetime("us")


def timestamps(cells: list[str], *formats: str, **options: str | int) -> list[datetime | None]:
    return parse(pl.Series(cells), MOMENT, formats, **options).to_list()  # type: ignore[arg-type]


def days(cells: list[str], *formats: str, century_pivot: int | None = None) -> list[date | None]:
    return parse(pl.Series(cells), pl.Date(), formats, century_pivot=century_pivot).to_list()


@pytest.mark.parametrize(
    ("strptime", "right", "wrong"),
    [
        (
            "%Y-%m-%d",
            ["2025-03-05", "2025-3-5"],
            ["2p25-03-05", "\uff12025-03-05", "25-03-05", "+2025-03-05", "2025--3-5"],
        ),
        ("%Y%m%d", ["20250305"], ["2025305", "2025 305", "202503 5"]),
        ("%d-%b-%Y", ["05-Mar-2025", "5-MAR-2025", "05-mar-2025"], ["06-Mar--2024", "05-March-2025", "05-Mrz-2025"]),
        ("%d %B %Y", ["5 March 2025", "05 march 2025"], ["5 Mar 2025", "5 Marchh 2025"]),
        ("%A, %d.%m.%Y", ["Wednesday, 05.03.2025"], ["Monday, 05.03.2025", "Wed, 05.03.2025"]),
        ("%a %d/%m/%Y", ["Wed 05/03/2025", "wed 5/3/2025"], ["Mon 05/03/2025"]),
        ("%Y-%j", ["2025-064"], ["2025-64", "2025-366", "2025-000"]),
        ("%Y%j", ["2025064"], ["202564"]),
    ],
)
def test_a_directive_of_a_date_accepts_its_text_and_no_other(strptime: str, right: list[str], wrong: list[str]):
    assert days(right + wrong, strptime) == [date(2025, 3, 5)] * len(right) + [None] * len(wrong)


@pytest.mark.parametrize(
    ("strptime", "right", "wrong"),
    [
        ("%d.%m.%Y %H:%M", ["05.03.2025 14:07", "5.3.2025 14:7"],
         ["05.03.2025 24:07", "05.03.2025 14:60", "05.03.2025 -4:07"]),
        ("%Y-%m-%d %H:%M", ["2025-03-05 14:07"], ["2025-3-5 14:07"]),
        ("%m/%d/%Y %I:%M %p", ["03/05/2025 02:07 PM", "3/5/2025 2:07 pm"],
         ["03/05/2025 14:07 PM", "03/05/2025 00:07 PM"]),
        ("%Y-%m-%d %H:%M%z",
         ["2025-03-05 16:07+02", "2025-03-05 16:07+02:00", "2025-03-05 16:07+0200", "2025-03-05 14:07Z"],
         ["2025-03-05 14:07", "2025-03-05 14:07+2", "2025-03-05 14:07 UTC", "2025-03-05 14:07+99:00"]),
        ("%a %b %d %H:%M %z %Y", ["Wed Mar 05 09:07 -0500 2025"], ["Wed Mar 05 09:07 EST 2025"]),
        ("%z %Y%m%d%H%M", ["+00:00 202503051407"], ["202503051407"]),
    ],
)  # fmt: skip
def test_a_directive_of_a_timestamp_accepts_its_text_in_utc(strptime: str, right: list[str], wrong: list[str]):
    assert timestamps(right + wrong, strptime) == [datetime(2025, 3, 5, 14, 7)] * len(right) + [None] * len(wrong)


def test_a_fraction_is_read_with_its_point_to_the_microsecond():
    cells = ["2025-07-01 09:00:00.250", "2025-07-01 09:00:00.000001", "2025-07-01 09:00:00", "2025-07-01 09:00:00.25x"]
    nine = datetime(2025, 7, 1, 9)
    expected = [nine.replace(microsecond=250_000), nine.replace(microsecond=1), nine, None]
    assert timestamps(cells, "%Y-%m-%d %H:%M:%S%.f") == expected


def test_two_digits_of_a_year_are_the_last_such_year_up_to_the_pivot():
    assert days(["16-07-58", "16-07-70", "16-07-04", "16-07-25", "16-07-26"], "%d-%m-%y", century_pivot=2025) == [
        date(1958, 7, 16), date(1970, 7, 16), date(2004, 7, 16), date(2025, 7, 16), date(1926, 7, 16)
    ]  # fmt: skip
    # 1900 was no leap year, 2000 was.
    assert days(["290200"], "%d%m%y", century_pivot=1950) == [None]
    assert days(["290200"], "%d%m%y", century_pivot=2025) == [date(2000, 2, 29)]
    assert (
        days(["22/07/-8", "22/07/2p", "22/07/9M", "22/07/5", "22/07/2005"], "%d/%m/%y", century_pivot=2025)
        == [None] * 5
    )


def test_seconds_and_milliseconds_since_1970_are_exact():
    cells = ["1720000000", "-1", "1720000000.123456", "1720000000.1234567", "1e9", "253402300800", "9999999999999999"]
    assert timestamps(cells, "epoch") == [
        datetime(2024, 7, 3, 9, 46, 40), datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 7, 3, 9, 46, 40, 123_456),
        None, None, None, None,
    ]  # fmt: skip
    assert timestamps(["1720000000123", "1720000000123.5", "x"], "epoch_ms") == [
        datetime(2024, 7, 3, 9, 46, 40, 123_000), datetime(2024, 7, 3, 9, 46, 40, 123_500), None
    ]  # fmt: skip


def test_serial_dates_of_excel_begin_after_the_day_that_never_was():
    assert days(["45722", "45722.0", "45722.5", "61", "60", "1", "2958466"], "excel") == [
        date(2025, 3, 6), date(2025, 3, 6), None, date(1900, 3, 1), None, None, None
    ]  # fmt: skip
    cells = ["45722.395833333336", "45722.3958333333", "45722"]
    assert timestamps(cells, "excel") == [datetime(2025, 3, 6, 9, 30)] * 2 + [datetime(2025, 3, 6)]


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["Europe/Berlin", "America/New_York"]))
def test_a_local_time_is_the_one_moment_that_it_names_or_none(local: datetime, name: str):
    local, zone = local.replace(microsecond=0), ZoneInfo(name)
    moments = [
        local.replace(tzinfo=zone, fold=fold).astimezone(ZoneInfo("UTC")).replace(tzinfo=None) for fold in (0, 1)
    ]
    expected = moments[0] if moments[0] == moments[1] else None
    assert timestamps([local.strftime("%Y-%m-%d %H:%M:%S")], time_zone=name) == [expected]


def test_times_that_a_zone_skips_or_has_twice_are_distinguished_and_no_later_format_reads_them():
    cells = ["30/03/2025 02:30", "26/10/2025 02:30", "10/03/2025 02:30", "26/10/2025 02:30+02", "26 Oct"]
    formats = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M%z")
    reading = Reading(dates={"at": formats}, time_zones={"at": "Europe/Berlin"})
    skipped, twice = outside_time_zone(reading, "at", pl.Series("at", cells))
    assert (skipped.to_list(), twice.to_list()) == ([True] + [False] * 4, [False, True] + [False] * 3)
    # 3 October would be a time of the second format, if 10 March were none.
    expected = [None, None, datetime(2025, 3, 10, 1, 30), datetime(2025, 10, 26, 0, 30), None]
    assert timestamps(cells, *formats, time_zone="Europe/Berlin") == expected
    us = timestamps(["03/09/2025 02:30"], "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", time_zone="America/New_York")
    assert us == [None]


@pytest.mark.parametrize(
    ("strptime", "instead"),
    [
        ("%Y-%m-%d %H:%M:%S %Z", "time_zones"),
        ("%Y-%m-%d %H:%M:%S.%f", "%.f"),
        ("%Y-%m-%d %H:%M:%S%3f", "%.f"),
        ("%-d.%m.%Y", "write %d"),
        ("%_d.%m.%Y", "write %d"),
        ("%d.%e.%Y", "write %d"),
        ("%+", "%Y-%m-%dT%H:%M:%S%.f%z"),
        ("%F %T", "%Y-%m-%d"),
        ("%F %T", "%H:%M:%S"),
        ("%s", "epoch"),
        ("%G-W%V-%u", "the directives are"),
        ("%Y-%m-%d %", "the directives are"),
        ("yyyy-MM-dd HH:mm", "it means '%Y-%m-%d %H:%M'"),
        ("dd.MM.yy", "it means '%d.%m.%y'"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS" + 3 * "X", "it means '%Y-%m-%dT%H:%M:%S%.f%z'"),
        ("dd MMMM yyyy hh:mm", "it means '%d %B %Y %I:%M'"),
        ("YYYY-MM-DD HH24:MI:SS", "it means '%Y-%m-%d %H:%M:%S'"),
        ("today", "no directive, such as %Y-%m-%d"),
        ("%d.%m.%y", "century_pivots"),
        ("%Y-%m", "one day"),
        ("%d.%m.", "one year"),
        ("%Y-%m-%d %m", "%m twice"),
        ("%Y-%m-%d %I:%M", "%I with %p"),
        ("%Y-%m-%d %H:%M %p", "%I with %p"),
        ("%Y-%m-%d %H", "%M"),
        ("%Y-%m-%d %S", "%S without %M"),
        ("%Y-%m-%d %z", "%z without %M"),
    ],
)
def test_a_format_without_one_meaning_is_refused_and_says_what_to_write(strptime: str, instead: str):
    assert any(instead in problem for problem in format_problems(strptime, MOMENT, century_pivot=False))


DAYS = [("%m", "%d"), ("%b", "%d"), ("%d", "%B", "%a"), ("%j",)]
TIMES = [(), ("%H", "%M"), ("%M", "%H", "%S"), ("%H", "%M", "%S", "%.f"), ("%I", "%M", "%p"), ("%H", "%M", "%S", "%z")]


@given(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(TIMES)).flatmap(
        lambda parts: st.permutations(["%Y", *parts[0], *parts[1]])
    ),
    st.lists(st.sampled_from(["", "-", "/", ".", ":", " ", "T", "at", ", "]), min_size=9, max_size=9),
    st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)),
)
def test_a_format_that_is_accepted_reads_back_what_is_written_in_it(
    directives: list[str], between: list[str], moment: datetime
):
    strptime = "".join(part for pair in zip(directives, between, strict=False) for part in pair).strip()
    reading = Reading(dates={"at": (strptime,)})
    if next(date_problems(reading, {"at": MOMENT}), None):
        return
    fraction = f".{moment.microsecond:06}"
    text = moment.strftime(strptime.replace("%.f", fraction).replace("%z", "+0000"))
    units = {"%.f": timedelta(microseconds=1), "%S": timedelta(seconds=1), "%M": timedelta(minutes=1)}
    unit = next((unit for directive, unit in units.items() if directive in directives), timedelta(days=1))
    assert parse(pl.Series([text]), MOMENT, (strptime,)).item() == moment - (moment - datetime.min) % unit
