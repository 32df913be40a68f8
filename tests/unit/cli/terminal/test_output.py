import io
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from cli.terminal.listing import Listing
from cli.terminal.output import Terminal, plural, short, usd
from tests.unit.sales_rows import as_csv, written


def test_counts_costs_and_cells_are_formatted_for_people():
    assert (plural(1, "row"), plural(2000, "row")) == ("1 row", "2,000 rows")
    assert (usd(0.0000061), usd(12.5), usd(None)) == ("$0.000006", "$12.50", "")
    assert (short(None), short("x" * 70)) == ("(empty)", '"' + "x" * 60 + '…"')


def test_names_and_cells_are_printed_without_markup_and_control_characters(tmp_path: Path):
    cells = ("[/]", "[red]", "\x1b[31m")
    file = written(tmp_path, as_csv(*[{}] * 30, *({"channel": cell} for cell in cells)), "x[bold]\x1b]0;y\u202e.csv")
    shown = CliRunner().invoke(app, ["check", str(file), "--dataset", "sales"]).output
    assert "x[bold]\\u001b]0;y\\u202e.csv" in shown
    assert '"[/]"' in shown
    assert '"[red]"' in shown
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []


def test_a_control_character_is_printed_alike_in_a_message_and_in_a_table_and_nothing_is_cut():
    text = io.StringIO()
    terminal = Terminal(file=text, width=60)
    terminal.print("a\x1b[2Jb")
    listed = Listing(("file", "rows"))
    listed.add_row("a\x1b[2Jb", "7")
    listed.print(terminal)
    message, _, row = text.getvalue().splitlines()
    assert message == "a\\u001b[2Jb"
    assert row.split() == [message, "7"]
