"""Both engines say the same of text that looks right and is not, and of each option of reading."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.contract.text_cases import CASES, Case, file
from tests.spark.engines import on_both

# The cleaning of a batch is one function for both; these decide how a split is read.
READING = (
    "header_again_with_a_mark",
    "lone_crs",
    "lf_in_a_crlf_file",
    "escapes",
    "empty_or_null",
    "trailing_delimiter",
    "sep_line",
    "footer",
    "key_date",
)


@pytest.mark.parametrize(("name", "case"), [(name, CASES[name]) for name in READING], ids=READING)
def test_a_file_ends_the_same(spark: SparkSession, tmp_path: Path, name: str, case: Case):
    parts = case.contract.patterns[0].match(case.key) if case.key else None
    both = on_both(spark, case.contract, file(name), tmp_path, parts)
    assert both.differences == []
    assert both.spark.quarantined == len(case.quarantined)
