import math
import statistics
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sluice.engines.statistics import (
    Summary,
    half_away,
    mean,
    median,
    order_statistics,
    quantiles,
    quartile_range,
    z_score_range,
)


@dataclass(frozen=True)
class Listed:
    """A column as a list, counted in the plainest way."""

    values: list[int]

    def summary(self) -> Summary:
        squares = sum(value * value for value in self.values)
        return Summary(len(self.values), min(self.values), max(self.values), sum(self.values), squares)

    def histogram(self, low: int, high: int, width: int) -> dict[int, int]:
        return Counter((value - low) // width for value in self.values if low <= value <= high)


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
    limits = z_score_range(Listed(values).summary(), z)
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
