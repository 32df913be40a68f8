"""Rows on terminals of any width: no number, key or id is ever cut or broken."""

import io

import pytest
from rich.console import Console

from cli.terminal.listing import Listing

KEY = "sales/S001/north-east/2025-03-05-corrected.csv"
RUN = "sales-0123456789abcdef0123456789abcdef-2"
WHY = "a row is rejected because its channel is none of the channels that the contract names"


def printed(width: int) -> str:
    listed = Listing(("file", "status", "rows", "run", "why"), right=("rows",), prose=("why",))
    listed.add_row(KEY, "PUBLISHED", "41,334", RUN, WHY)
    listed.add_row("sales/S2/2025-03-06.csv", "REJECTED", "1,208,415", "", "")
    text = io.StringIO()
    listed.print(Console(file=text, width=width))
    return text.getvalue()


@pytest.mark.parametrize("width", [20, 60, 80, 100, 150, 200])
def test_every_cell_is_whole_at_every_width(width: int):
    text = printed(width)
    for cell in (KEY, RUN, "41,334", "1,208,415", "PUBLISHED", "sales/S2/2025-03-06.csv"):
        assert cell in text
    assert set(WHY.split()) <= set(text.split())


def test_rows_that_fit_are_a_table_and_others_a_value_a_line():
    assert printed(200).splitlines()[0].split() == ["file", "status", "rows", "run", "why"]
    assert printed(80).splitlines()[:3] == [f"file    {KEY}", "status  PUBLISHED", "rows    41,334"]


def test_sentences_wrap_at_blanks():
    lines = printed(150).splitlines()
    assert all(len(line.rstrip()) <= 150 for line in lines)
    assert len(lines) > 3
