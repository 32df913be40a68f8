"""What identifies a row, and the naming convention of files."""

from pathlib import Path

import pytest

from cli.contracts.document import loaded
from tests.unit.cli.infer.inferring import inferred, run, table, written


def test_the_key_may_need_two_columns(tmp_path: Path):
    rows = [f"{shop},2024-01-{day:02},{day * shop}" for shop in (7, 8) for day in range(1, 21)]
    contract = inferred(tmp_path, table("shop_id,day,items", *rows))
    assert contract.unique is not None
    assert contract.unique.key == ("shop_id", "day")


def test_a_key_is_unique_by_its_values(tmp_path: Path):
    assert inferred(tmp_path, table("flag", "True", "False", "true")).unique is None


def test_the_column_of_changes_decides_the_latest_row(tmp_path: Path):
    rows = [f"{number},2024-01-01T00:00:{number}" for number in range(10, 30)]
    contract = inferred(tmp_path, table("id,updated_at", *rows))
    assert contract.unique is not None
    assert contract.unique.latest == "updated_at"
    assert contract.partition_by == ()


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["shop-2024-01-01.csv", "shop-2024-01-02.csv"], "things/shop-{date:%Y-%m-%d}.csv"),
        (["20240131.csv"], "things/{date:%Y%m%d}.csv"),
        (["20241331.csv"], "things/{file}.csv"),
        (["north-2024-01.csv", "south-2024-01.csv"], "things/{file}.csv"),
        (["a{2024-01-01.csv"], "things/{file}.csv"),
        (["{a}2024-01-01.csv"], "things/{file}.csv"),
    ],
)
def test_dates_in_the_names_of_files_become_the_naming_convention(tmp_path: Path, names: list[str], pattern: str):
    files = [tmp_path / name for name in names]
    for file in files:
        file.write_text("id,a\n1,2\n")
    assert run(tmp_path, "things", *files).exit_code == 0
    assert loaded("things", written(tmp_path)).files == (pattern,)
