import math
import statistics
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.engines.scale import Scale, ordinals
from sluice.engines.statistics import (
    FewValues,
    Summary,
    UsualRange,
    count,
    half_away,
    mean,
    median,
    order_statistics,
    quantiles,
    quartile_range,
    z_score_range,
)

WHOLE = Scale.of(pl.Int64())


@dataclass(frozen=True)
class Listed:
    """A column as a list, counted in the plainest way."""

    values: list[int]
    scale: Scale = WHOLE

    def summary(self) -> Summary:
        squares = sum(value * value for value in self.values)
        return Summary(len(self.values), min(self.values), max(self.values), sum(self.values), squares)

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        return Counter(value // width for value in self.values if low <= value <= high)


numbers = st.lists(st.integers(-(10**12), 10**12) | st.integers(-5, 5), min_size=1, max_size=60)


@given(numbers)
def test_ranks_are_those_of_the_sorted_column(values: list[int]):
    column, summary = Listed(values), Listed(values).summary()
    ranks = range(len(values))
    found = order_statistics(column, ranks, summary.lowest, summary.highest)
    assert [found[rank] for rank in ranks] == sorted(values)


@given(numbers)
def test_the_median_is_that_of_python_rounded_half_away_from_zero(values: list[int]):
    exact = statistics.median([Fraction(value) for value in values])
    assert median(Listed(values), Listed(values).summary()) == half_away(exact)


def test_quantiles_are_linear():
    column = Listed([10, 20, 30, 40])
    assert quantiles(column, column.summary(), [Fraction(1, 4), Fraction(3, 4)]) == [Fraction(35, 2), Fraction(65, 2)]


def test_quartile_range_keep_what_lies_within():
    column = Listed([10, 20, 30, 40])
    limits = quartile_range(column, column.summary(), 1.5)  # 17.5 - 22.5 and 32.5 + 22.5
    assert (limits.low, limits.high) == (-5, 55)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=40), st.sampled_from([1.0, 1.5, 3.0]))
def test_z_limits_are_exact(values: list[int], z: float):
    limits = z_score_range(WHOLE, Listed(values).summary(), z)
    centre = Fraction(sum(values), len(values))
    variance = sum((value - centre) ** 2 for value in values) / len(values)
    for value in values:
        inside = (value - centre) ** 2 <= Fraction(z) ** 2 * variance
        assert (limits.low <= value <= limits.high) == inside


def test_halves_go_away_from_zero():
    assert [half_away(Fraction(n, 2)) for n in (-3, -1, 1, 3, 4)] == [-2, -1, 1, 2, 2]


def test_the_mean_is_rounded_to_a_unit():
    assert mean(Summary(count=2, lowest=1, highest=2, total=3, squares=5)) == 2
    assert math.isclose(statistics.mean([1, 2]), 1.5)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DOUBLE = Scale.of(pl.Float64())


def counted(values: list[object], dtype: pl.DataType) -> FewValues:
    columns = pl.LazyFrame({"x": pl.Series(values, dtype=dtype)}).select(ordinals("x", dtype))
    return FewValues(Scale.of(dtype), count(columns, "x").collect())


def exact_range(scale: Scale, usual: UsualRange) -> tuple[Fraction, Fraction]:
    return Fraction(scale.value(usual.low)), Fraction(scale.value(usual.high))


@given(st.lists(FLOATS, min_size=1, max_size=30))
def test_ordinals_of_floats_have_their_order_and_hold_their_value(values: list[float]):
    found = pl.DataFrame({"x": values}).select(ordinals("x", pl.Float64())).to_series().to_list()
    assert [DOUBLE.value(ordinal) for ordinal in found] == values
    assert [Fraction(DOUBLE.units(ordinal), 2**1074) for ordinal in found] == [Fraction(value) for value in values]
    assert sorted(found) == [found[at] for at in sorted(range(len(values)), key=lambda at: (values[at], found[at]))]


@given(FLOATS, FLOATS)
def test_limits_between_floats_are_the_floats_beside_them(first: float, second: float):
    between = (Fraction(first) + Fraction(second)) / 2
    units = between * 2**1074
    low = DOUBLE.value(DOUBLE.at_least(math.ceil(units)))
    high = DOUBLE.value(DOUBLE.at_most(math.floor(units)))
    assert Fraction(high) <= between <= Fraction(low)
    assert low == high or math.nextafter(high, math.inf) == low


@given(st.lists(FLOATS, min_size=1, max_size=40))
def test_mean_median_and_quartiles_of_floats_are_exact(values: list[float]):
    column = counted(list(values), pl.Float64())
    summary = column.summary()
    exact = [Fraction(value) for value in values]
    assert DOUBLE.nearest(median(column, summary)) == float(statistics.median(exact))
    assert DOUBLE.nearest(mean(summary)) == float(statistics.mean(exact))
    low, high = exact_range(DOUBLE, quartile_range(column, summary, 1.5))
    first, third = quantiles(column, summary, [Fraction(1, 4), Fraction(3, 4)])
    reach = (third - first) * Fraction(3, 2)
    for value in exact:
        assert (low <= value <= high) == (first - reach <= value * 2**1074 <= third + reach)


@given(st.lists(FLOATS | st.floats(-1, 1), min_size=1, max_size=40), st.sampled_from([1.0, 1.5, 3.0]))
def test_z_limits_of_floats_are_exact(values: list[float], z: float):
    low, high = exact_range(DOUBLE, z_score_range(DOUBLE, counted(list(values), pl.Float64()).summary(), z))
    exact = [Fraction(value) for value in values]
    centre = sum(exact) / len(exact)
    variance = sum((value - centre) ** 2 for value in exact) / len(exact)
    assert [low <= value <= high for value in exact] == [
        (value - centre) ** 2 <= Fraction(z) ** 2 * variance for value in exact
    ]


@pytest.mark.parametrize("dtype", [pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Decimal(4, 2), pl.Decimal(18, 18)])
def test_limits_beyond_a_type_are_its_ends(dtype: pl.DataType):
    scale = Scale.of(dtype)
    ends = [scale.value(scale.lowest), scale.value(scale.highest)]
    column = counted(ends * 2, dtype)
    usual = quartile_range(column, column.summary(), 1.5)
    assert [scale.value(usual.low), scale.value(usual.high)] == ends
