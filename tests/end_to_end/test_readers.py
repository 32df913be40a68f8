"""What readers see while a file is replaced, and what the check of a file reads; large figures: tests.bench.readers."""

from pathlib import Path

import pytest

from local import LocalAWS
from tests.bench.readers import KINDS, House, check_reads, replacements


def test_readers_of_an_iceberg_table_see_one_version_of_a_file_only(aws: LocalAWS, tmp_path: Path) -> None:
    seen = replacements(House(aws, "iceberg", tmp_path), times=6, partitions=4)
    assert seen.one_version > 6
    assert (seen.both, seen.failed) == (0, 0)


def test_readers_of_a_parquet_table_see_two_versions_of_a_file_together(aws: LocalAWS, tmp_path: Path) -> None:
    assert replacements(House(aws, "parquet", tmp_path), times=6, partitions=4).both > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_check_of_a_file_reads_does_not_depend_on_others_in_its_partition(
    aws: LocalAWS, tmp_path: Path, kind: str
) -> None:
    few, many = (check_reads(House(aws, kind, tmp_path), sources=sources).data_bytes for sources in (3, 60))
    assert few == many > 0
