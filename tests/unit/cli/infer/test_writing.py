"""The contract's Python source, whatever files and headers are named."""

import ast
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.contracts.document import loaded
from cli.infer import writing
from tests.unit.cli.infer.inferring import run, written


@pytest.mark.parametrize(
    "name",
    [
        '"""; raise SystemExit(9); """.csv',
        "a\\N.csv",
        "'''\nxyz\n'''.csv",
        "# noqa\rxyz.csv",
        "\u2028\u202e.csv",
        "\udcff.csv",
    ],
)
def test_a_name_of_a_sample_is_never_run(tmp_path: Path, name: str):
    sample = tmp_path / name
    sample.write_text("id,a\n1,2\n")
    result = run(tmp_path, "things", sample)
    assert result.exit_code == 0, result.output
    assert repr(name) in written(tmp_path)
    assert loaded("things", written(tmp_path)).file_columns == ("id", "a")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n;"), min_size=1))
@example("\\'\"")
@example('"""')
@example("\\")
def test_a_header_s_own_name_stays_as_it_is_in_the_contract(name: str):
    literal = writing._text(name)
    assert ast.literal_eval(literal) == name
    assert literal[0] == ('"' if name.count('"') <= name.count("'") else "'")
