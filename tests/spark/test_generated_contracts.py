"""What a contract accepts both engines clean equally, whatever it declares."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from sluice.contract import Contract
from tests.property.generated_contracts import CELLS, accepted, text_of
from tests.spark.engines import on_both


@settings(max_examples=6, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(accepted(), st.lists(st.sampled_from(CELLS), min_size=1, max_size=30))
def test_a_contract_that_is_accepted_gives_the_same_rows_on_both_engines(
    spark: SparkSession, contract: Contract, cells: list[str]
):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        file.write_text(text_of(cells * 8))
        assert on_both(spark, contract, file, Path(folder)).differences == []
