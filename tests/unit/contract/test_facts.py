from datetime import date
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from sluice.contract.facts import column_facts, row_facts


def model(**columns: Any) -> pa.DataFrameSchema:
    kinds = {name: pl.String if "str" in str(field) else pl.Int64 for name, field in columns.items()}
    return type("Row", (pa.DataFrameModel,), {"__annotations__": kinds, **columns}).to_schema()


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"ge": 1, "le": 1000}, ["is_between_1_and_1000"]),
        ({"ge": -1, "le": 1}, ["is_between_minus_1_and_1"]),
        ({"in_range": (0, 5)}, ["is_between_0_and_5"]),
        ({"in_range": {"min_value": 0, "max_value": 5, "include_max": False}}, ["is_at_least_0_and_less_than_5"]),
        ({"in_range": {"min_value": 0, "max_value": 5, "include_min": False}}, ["is_greater_than_0_and_at_most_5"]),
        ({"gt": 0}, ["is_positive"]),
        ({"ge": 0}, ["is_not_negative"]),
        ({"ge": 5}, ["is_at_least_5"]),
        ({"le": 100_000}, ["is_at_most_100000"]),
        ({"gt": 5}, ["is_greater_than_5"]),
        ({"lt": 5}, ["is_less_than_5"]),
        ({"gt": 0, "le": 9}, ["is_positive", "is_at_most_9"]),
        ({"ge": Decimal("0.50"), "le": 2.0}, ["is_between_0_5_and_2"]),
        ({"ge": date(2025, 1, 31)}, ["is_at_least_2025_01_31"]),
        ({"eq": 5}, ["equals_5"]),
        ({"ne": -0.5}, ["is_not_minus_0_5"]),
        ({"eq": "In Store"}, ["equals_in_store"]),
        ({"isin": ["a", "b"]}, ["is_in_set"]),
        ({"notin": [3]}, ["is_not_in_set"]),
        ({"str_matches": "^a"}, ["matches_pattern"]),
        ({"str_contains": "a"}, ["contains_pattern"]),
        ({"str_startswith": "a"}, ["starts_with_prefix"]),
        ({"str_endswith": "a"}, ["ends_with_suffix"]),
        ({"str_length": (1, 3)}, ["has_length_between_1_and_3"]),
        ({"str_length": {"min_value": 2}}, ["has_length_at_least_2"]),
        ({"str_length": {"max_value": 2}}, ["has_length_at_most_2"]),
        ({"str_length": 3}, ["has_length_3"]),
    ],
)
def test_a_setting_of_a_field_is_a_fact_by_itself(settings: dict[str, Any], facts: list[str]):
    assert list(column_facts(model(size=pa.Field(**settings)))["size"]) == [f"size_{fact}" for fact in facts]


class Pair(pa.DataFrameModel):
    g: pl.Int64
    gr: pl.Int64

    @pa.check("g", "gr", name="gr_is_odd")
    def odd(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805 (pandera calls it so)
        return data.lazyframe.select(pl.col(data.key) % 2 == 1)

    @pa.check("g", "gr", name="is_small")
    def small(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) < 9)

    @pa.check("g")
    def g_is_not_seven(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col(data.key) != 7)

    @pa.dataframe_check
    def g_is_below_gr(cls, data: PolarsData) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col("g") < pl.col("gr"))


def test_a_method_is_the_fact_of_its_column_also_where_another_columns_name_begins_alike():
    schema = Pair.to_schema()
    facts = {name: set(of_column) for name, of_column in column_facts(schema).items()}
    assert facts == {
        "g": {"g_gr_is_odd", "g_is_small", "g_is_not_seven"},
        "gr": {"gr_is_odd", "gr_is_small"},
    }
    assert set(row_facts(schema)) == {"g_is_below_gr"}
