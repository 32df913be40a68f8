"""The columns that are inferred: which, by which names, with which questions."""

from pathlib import Path

import pytest

from tests.unit.cli.infer.inferring import column, inferred, table, written


def test_a_column_that_not_every_file_has_is_left_out_and_reported(tmp_path: Path):
    contract = inferred(tmp_path, table("id,a", "1,2"), table("ID,b,a", "3,4,5"))
    assert list(contract.types) == ["id", "a"]
    assert contract.reading.unknown_columns == "ignore"
    assert "not every sample has 'b'" in written(tmp_path)


@pytest.mark.parametrize("header", ["_row_number,a", "qty,qty_is_not_negative", "i,is", "_raw,_reasons", "__extra,row"])
def test_a_column_may_have_any_name(tmp_path: Path, header: str):
    inferred(tmp_path, table(header, "1,x", "2,y"))


def test_letter_case_is_not_changed_unasked(tmp_path: Path):
    contract = inferred(tmp_path, column(["Red", "red", "Blue"], "colour"))
    assert contract.cleaning == ()
    assert "differ in letter case only" in written(tmp_path)
    assert 'COLOUR_VALUES = ("Blue", "Red", "red")' in written(tmp_path)
