"""Statistics at the ends of the types: exact, and the same from both engines, however the values are counted."""

from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from sluice.engines import statistics
from tests.contract.outcome import outcome
from tests.spark.contracts import EDGES
from tests.spark.engines import on_both
from tests.unit.sales_rows import written

FILES = {
    "the largest and the smallest": """id,tiny,wide,exact,inexact
1,-128,-9223372036854775808,-999999999999.999999,-1.7976931348623157e308
2,-128,9223372036854775807,999999999999.999999,1.7976931348623157e308
3,127,9223372036854775806,999999999999.999998,1e308
4,127,0,0.000001,4e-9
5,,,,
""",
    "tiny floats": """id,tiny,wide,exact,inexact
1,0,1,1,5e-324
2,1,2,2,2e-9
3,2,3,3,-4e-9
4,3,4,4,6e-9
5,,,,
6,4,5,5,0.1
7,5,6,6,0.2
""",
}


@pytest.mark.parametrize("counted", ["by itself", "by Spark"])
@pytest.mark.parametrize("name", FILES)
def test_numbers_at_the_ends_of_their_types_end_the_same(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, counted: str
):
    if counted == "by Spark":
        monkeypatch.setattr(statistics, "FEW_VALUES", 1)
    both = on_both(spark, EDGES, written(tmp_path, FILES[name]), tmp_path)
    assert both.differences == []
    published = pl.read_parquet(tmp_path / "polars" / "published" / "**" / "*.parquet").sort("id")
    assert published.height == both.polars.rows_in
    assert published.null_count().row(0)[:5] == (0,) * 5
    medians = {"the largest and the smallest": 5e307, "tiny floats": 4e-9}
    assert published.filter(id=5)["inexact"].item() == medians[name]


def test_values_that_are_not_held_are_summed_exactly(monkeypatch: pytest.MonkeyPatch):
    held = {name: outcome(EDGES, text).published for name, text in FILES.items()}
    monkeypatch.setattr(statistics, "FEW_VALUES", 0)
    assert {name: outcome(EDGES, text).published for name, text in FILES.items()} == held
