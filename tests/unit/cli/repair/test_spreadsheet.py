"""Exports survive spreadsheets: nothing in them runs, and what comes back is read in the spreadsheet's encodings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.repair.corrected_rows import read
from cli.repair.spreadsheet import unquoted
from sluice.runtime.text import quoted

HEADER = "_source_key,_version,_row_number,_reasons,_raw,city\n"
LINE = "s3://raw/a.csv,v1,7,city_is_known,,Zürich\n"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "'=1"])
def test_what_a_spreadsheet_would_run_is_quoted(cell: str):
    assert quoted(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5", "+49", "-1.234,56", "Zürich", "", "O'Neill"])
def test_numbers_and_names_stay_as_they_are(cell: str):
    assert quoted(cell) == cell


@given(st.text(alphabet="'=+-@\t\r1a ", max_size=6))
def test_a_quoted_cell_comes_back_as_it_was(cell: str):
    assert unquoted(quoted(cell)) == cell


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_an_export_is_read_in_every_encoding_that_spreadsheets_write(tmp_path: Path, encoding: str, delimiter: str):
    path = tmp_path / "rows.csv"
    path.write_text((HEADER + LINE).replace(",", delimiter), encoding=encoding)
    assert read(path)["s3://raw/a.csv", "v1"][7].cells == {"city": "Zürich"}
