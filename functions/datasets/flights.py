"""Departures of New York's airports (US Bureau of Transportation Statistics): one row a scheduled flight.

A cancelled flight has no times, so gaps mean something here and nothing is imputed. Times are local, such as 517
for 5:17, and 2400 for a landing at midnight.
"""

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from sluice.contract import Contract, Partition, Reading, Unique

AIRPORTS = ("EWR", "JFK", "LGA")
CLOCKS = ("dep_time", "sched_dep_time", "arr_time", "sched_arr_time")


@dataclass(frozen=True)
class ClockTime:
    """A step of this dataset's own: writes 517, or 517.0, as 05:17. Other texts stay, for the checks to find."""

    columns: tuple[str, ...]

    def apply(self, column: pl.Expr) -> pl.Expr:
        digits = column.str.strip_suffix(".0").str.zfill(4)
        clock = digits.str.head(2) + ":" + digits.str.tail(2)
        return pl.when(column.str.contains(r"^[0-9]{1,4}(\.0)?$")).then(clock).otherwise(column)


class Departure(pa.DataFrameModel):
    """One scheduled flight. Delays and air_time in minutes, distance in miles, time_hour in UTC."""

    year: pl.Int64
    month: pl.Int64 = pa.Field(ge=1, le=12)
    day: pl.Int64 = pa.Field(ge=1, le=31)
    dep_time: pl.String = pa.Field(nullable=True)
    sched_dep_time: pl.String
    dep_delay: pl.Int64 = pa.Field(nullable=True)
    arr_time: pl.String = pa.Field(nullable=True)
    sched_arr_time: pl.String
    arr_delay: pl.Int64 = pa.Field(nullable=True)
    carrier: pl.String
    flight: pl.Int64
    tailnum: pl.String = pa.Field(nullable=True)
    origin: pl.String = pa.Field(isin=AIRPORTS)
    dest: pl.String = pa.Field(str_matches="^[A-Z]{3}$")
    air_time: pl.Int64 = pa.Field(gt=0, nullable=True)
    distance: pl.Int64 = pa.Field(gt=0)
    hour: pl.Int64
    minute: pl.Int64
    time_hour: pl.Datetime("us")

    @pa.check(*CLOCKS, name="is_a_time_of_day")
    def clock_is_a_time_of_day(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).str.contains("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))

    @pa.dataframe_check
    def departed_flights_have_a_delay(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("dep_time").is_null() == pl.col("dep_delay").is_null())

    @pa.dataframe_check
    def hour_and_minute_are_of_the_schedule(cls, data: PolarsData) -> pl.LazyFrame:
        clock = pl.col("hour").cast(pl.String).str.zfill(2) + ":" + pl.col("minute").cast(pl.String).str.zfill(2)
        return data.lazyframe.select(pl.col("sched_dep_time") == clock)


contract = Contract(
    name="flights",
    version=1,
    row=Departure,
    files=("flights/{origin}/{flown:%Y-%m}.csv",),
    reading=Reading(null_markers=("", "na")),
    cleaning=(ClockTime(CLOCKS),),
    # Two airports may have a flight of one number on one day: 24 did in 2013.
    unique=Unique(key=("year", "month", "day", "carrier", "flight", "origin")),
    partition_by=(Partition("year"), Partition("month")),
    same_as_key=("origin",),
)
