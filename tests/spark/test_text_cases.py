"""Both engines say the same of text that looks right and is not, and of each option of reading."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.contract.text_cases import CASES, Case, file
from tests.spark.engines import on_both


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_a_file_ends_the_same(spark: SparkSession, tmp_path: Path, name: str, case: Case):
    parts = case.contract.patterns[0].match(case.key) if case.key else None
    both = on_both(spark, case.contract, file(name), tmp_path, parts)
    assert both.differences == []
    assert both.spark.quarantined == len(case.quarantined)
