"""`sluice new` on files made for one trait each; the real CSVs are in tests/contract/test_new_datasets.py."""

import ast
import csv
import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cli.contracts.document import loaded
from cli.infer import writing
from cli.main import app
from sluice.contract.model import Contract


def run(root: Path, name: str, *files: Path) -> Result:
    return CliRunner().invoke(app, ["new", name, *map(str, files), "--root", str(root)])


def inferred(root: Path, *texts: str, encoding: str = "utf-8") -> Contract:
    """Return the contract that is inferred from files of these texts."""
    files = [root / f"file{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode(encoding))
    result = run(root, "things", *files)
    assert result.exit_code == 0, result.output
    return loaded("things", written(root))


def written(root: Path) -> str:
    return (root / "functions" / "datasets" / "things.py").read_text()


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def column(values: list[str], name: str = "reading") -> str:
    """Return a file of two columns: a key, and these values again and again, 40 rows."""
    return table(f"id;{name}", *(f"K{number};{values[number % len(values)]}" for number in range(40)))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1", "-2", "+3"], pl.Int64()),
        (["1.0", "", "2.0"], pl.Int64()),
        (["1.0", "2.5"], pl.Float64()),
        (["1.5e-3", "7"], pl.Float64()),
        (["007", "12"], pl.String()),
        (["12345678901234567890", "1"], pl.String()),
        (["true", "FALSE"], pl.Boolean()),
        (["2024-02-29", "2024-03-01"], pl.Date()),
        (["31.12.2024", "1.2.2024"], pl.Date()),
        (["Feb 3 2024", "Dec 31 2023"], pl.Date()),
        (["2024-02-29T10:20:30Z", "2024-02-29 10:20"], pl.Datetime("us")),
        (["12/31/2024 11:59 PM", "1/2/2024 1:00 AM"], pl.Datetime("us")),
        (["$3.50", "$4.00"], pl.String()),
        (["1,234", "5,678,901"], pl.String()),
        (["20240131", "20241231"], pl.Int64()),
    ],
)
def test_the_type_is_the_one_that_reads_every_value(tmp_path: Path, values: list[str], dtype: pl.DataType):
    assert inferred(tmp_path, column(values)).types["reading"] == dtype


@pytest.mark.parametrize(
    ("name", "values", "dtype"),
    [
        ("sale_date", ["20240131", "20241231"], pl.Date()),
        ("price", ["1", "2.5"], pl.Decimal(12, 2)),
        ("depth", ["1", "2.5"], pl.Float64()),
    ],
)
def test_the_name_decides_where_values_cannot(tmp_path: Path, name: str, values: list[str], dtype: pl.DataType):
    assert inferred(tmp_path, column(values, name)).types[name] == dtype


def test_dates_in_several_forms_are_all_read_and_doubt_is_told(tmp_path: Path):
    contract = inferred(tmp_path, column(["2024-01-02", "03/04/2024", "5 Jan 2024"], "day"))
    assert set(contract.reading.dates["day"]) == {"%Y-%m-%d", "%m/%d/%Y", "%d %b %Y"}
    assert "all that reads as %m/%d/%Y reads as %d/%m/%Y, too" in written(tmp_path)


def test_a_day_above_twelve_tells_which_comes_first(tmp_path: Path):
    contract = inferred(tmp_path, column(["01/02/2024", "13/02/2024"], "day"))
    assert contract.reading.dates["day"] == ("%d/%m/%Y",)
    assert "Which is it?" not in written(tmp_path)


def test_a_word_for_nothing_is_believed_beside_numbers_and_doubted_beside_texts(tmp_path: Path):
    numbers = inferred(tmp_path, column(["1", "NA", "3"]))
    assert numbers.reading.null_markers == ("", "na")
    assert numbers.row_schema.columns["reading"].nullable
    other = tmp_path / "other"
    other.mkdir()
    texts = inferred(other, column(["FR", "NA", "DE"]))
    assert texts.reading.null_markers == ("",)
    assert "'na' is no null marker here" in written(other)


def test_what_a_person_knows_is_not_asked(tmp_path: Path):
    (tmp_path / "file.csv").write_text(column(["FR", "NA", "nobody", "DE"]))
    known = ("--null", "na", "--null", "Nobody", "--files", "things/{day:%Y%m%d}.csv")
    result = CliRunner().invoke(app, ["new", "things", str(tmp_path / "file.csv"), "--root", str(tmp_path), *known])
    assert result.exit_code == 0, result.output
    contract = loaded("things", written(tmp_path))
    assert contract.reading.null_markers == ("", "na", "nobody")
    assert contract.row_schema.columns["reading"].nullable
    assert contract.files == ("things/{day:%Y%m%d}.csv",)
    assert "null marker" not in written(tmp_path)
    assert "how do producers name" not in written(tmp_path)


def test_a_few_values_that_are_no_number_are_told_and_quarantined(tmp_path: Path):
    rows = [f"K{number};{number}" for number in range(99)]
    contract = inferred(tmp_path, table("id;amount", *rows, "K99;much"))
    assert contract.types["amount"].is_numeric()
    assert "1 values are no number, such as 'much'" in written(tmp_path)


def test_decimal_commas_are_read(tmp_path: Path):
    contract = inferred(tmp_path, column(["1,5", "2,25"], "depth"))
    assert contract.reading.decimal_comma
    assert contract.types["depth"] == pl.Float64()


def test_the_delimiter_the_encoding_and_the_names_are_those_of_the_file(tmp_path: Path):
    rows = [f"Zoë {number}|{number}" for number in range(5)]
    contract = inferred(tmp_path, table("Straße Nr.|Class", *rows), encoding="cp1252")
    assert (contract.reading.format.delimiter, contract.reading.format.encoding) == ("|", "cp1252")
    assert list(contract.types) == ["stra_e_nr", "class_"]
    assert contract.reading.aliases == {"Straße Nr.": "stra_e_nr", "Class": "class_"}


def test_a_column_that_not_every_file_has_is_left_out_and_told(tmp_path: Path):
    contract = inferred(tmp_path, table("id,a", "1,2"), table("ID,b,a", "3,4,5"))
    assert list(contract.types) == ["id", "a"]
    assert contract.reading.unknown_columns == "ignore"
    assert "not every sample has 'b'" in written(tmp_path)


def test_letter_case_is_not_changed_unasked(tmp_path: Path):
    contract = inferred(tmp_path, column(["Red", "red", "Blue"], "colour"))
    assert contract.cleaning == ()
    assert "differ in letter case only" in written(tmp_path)
    assert 'COLOUR_VALUES = ("Blue", "Red", "red")' in written(tmp_path)


def test_people_are_hashed_and_neither_shown_nor_copied(tmp_path: Path):
    rows = [f"{number},Ada{number},ada{number}@example.org,{20 + number}" for number in range(30)]
    contract = inferred(tmp_path, table("id,first_name,contact,age", *rows))
    assert contract.personal == {"first_name": "hash", "contact": "hash", "age": "keep"}
    for file in (tmp_path / "tests" / "data" / "things").iterdir():
        assert "Ada" not in file.read_text()
        assert "ada" not in file.read_text()
    assert "Ada" not in written(tmp_path)


def test_the_key_may_need_two_columns(tmp_path: Path):
    rows = [f"{shop},2024-01-{day:02},{day * shop}" for shop in (7, 8) for day in range(1, 21)]
    contract = inferred(tmp_path, table("shop_id,day,items", *rows))
    assert contract.unique is not None
    assert contract.unique.key == ("shop_id", "day")


def test_the_latest_of_two_rows_is_told_by_the_column_of_changes(tmp_path: Path):
    rows = [f"{number},2024-01-01T00:00:{number}" for number in range(10, 30)]
    contract = inferred(tmp_path, table("id,updated_at", *rows))
    assert contract.unique is not None
    assert contract.unique.latest == "updated_at"
    assert contract.partition_by == ()


def test_dates_in_the_names_of_files_become_the_naming_rule(tmp_path: Path):
    files = [tmp_path / f"shop-2024-01-0{day}.csv" for day in (1, 2)]
    for file in files:
        file.write_text("id,a\n1,2\n")
    assert run(tmp_path, "things", *files).exit_code == 0
    assert loaded("things", written(tmp_path)).files == ("things/shop-{date:%Y-%m-%d}.csv",)


def test_nothing_is_overwritten(tmp_path: Path):
    inferred(tmp_path, table("id,a", "1,2"))
    before = written(tmp_path)
    again = run(tmp_path, "things", tmp_path / "file0.csv")
    assert again.exit_code == 2
    assert "nothing is overwritten" in re.sub(r"[\s│]+", " ", again.output)
    assert written(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,2\n3,4\n", "line 1 is data"),
        ("a,a\n3,4\n", "more than once"),
        ("Report of May\n\na,b,c\n1,2,3\n4,5,6\n", "not on line 1"),
        ("a,b\n", "nothing to infer from"),
        ("0,0\n0.01,0\n", "line 1 is data"),
        ("Spend in June,,\n,,\nName,Amount,Date\nACME,1,2\n", "names 1 of 3 columns"),
        ("name,amount,,\nACME,1,,\n", "2 columns have no name"),
        ("a,b\n1,2,\n3,4,\n", "TextFormat(trailing_delimiter=True)"),
        ("sep=;\na;b\n1;2\n", "the header is on line 2"),
        ('a,b\n0,"say \\"hi\\""\n1,"say \\"hi\\""\n', "The quotes do not pair"),
        ('{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "line 1 is JSON"),
    ],
)
def test_a_sample_that_tells_nothing_is_refused_and_nothing_written(tmp_path: Path, text: str, told: str):
    file = tmp_path / "sample.csv"
    file.write_text(text)
    result = run(tmp_path, "things", file)
    assert result.exit_code != 0
    assert told in f"{result.exception} {result.output}"
    assert not (tmp_path / "functions").exists()


@pytest.mark.parametrize(
    ("values", "question"),
    [
        (["+491701234500", "+491701234501"], "a plus in front"),
        (["007", "012"], "zeros in front"),
        (["12345678901234501", "1.23457E+16", "12345678901234505"], "as 1.23457E+16"),
        (["82544000000000707.52", "1.5"], "a float holds 15 to 17"),
        (["1234567890123456789012", "1"], "more digits than a number holds"),
        (["2.9.1", "4.4.6"], ""),
        (["1,234", "5,678,901"], "group marks"),
        (["(1.50)", "2.50"], "parentheses"),
        (["12%", "7 %"], "percentages"),
        (["01/02/99", "13/02/98"], "century_pivots"),
    ],
)
def test_what_a_type_would_lose_stays_text_and_is_asked_about(tmp_path: Path, values: list[str], question: str):
    contract = inferred(tmp_path, column(values))
    assert contract.types["reading"] == pl.String()
    assert question in " ".join(written(tmp_path).replace("#", " ").split())


@pytest.mark.parametrize(
    ("name", "values", "question"),
    [
        ("last", ["Name", "Null"], "'null' also stands as a text in last"),
        ("city", ["Nan", "Phrae"], "'nan' also stands as a text in city"),
        ("created", ["1751360400", "1751360401"], "seconds or milliseconds since 1970?"),
        ("level", ["1.1", "1.10", "1.2"], "some texts are one number"),
        ("day", ["01/02/2024", "03/04/2024"], "Which is it?"),
    ],
)
def test_what_could_mean_something_else_is_asked_about(tmp_path: Path, name: str, values: list[str], question: str):
    inferred(tmp_path, column(values, name))
    assert question in " ".join(written(tmp_path).replace("#", " ").split())


def test_an_offset_of_hours_is_a_timestamp(tmp_path: Path):
    contract = inferred(tmp_path, column(["2025-03-05 10:00:00.123456+00", "2025-03-05 10:00:01.1+02"], "updated_at"))
    assert contract.types["updated_at"] == pl.Datetime("us")


def test_a_key_is_unique_by_its_values(tmp_path: Path):
    assert inferred(tmp_path, table("flag", "True", "False", "true")).unique is None


@pytest.mark.parametrize("header", ["_row_number,a", "qty,qty_is_not_negative", "i,is", "_raw,_reasons", "__extra,row"])
def test_a_column_may_have_any_name(tmp_path: Path, header: str):
    inferred(tmp_path, table(header, "1,x", "2,y"))


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("a,b\n1,2\n", "utf-16", "-t utf-8"),
        ("名前,値\nたろう,1\nはなこ,2\n", "cp932", "SHIFT_JIS"),
        ("姓名,城市\n张三,北京\n李四,上海\n", "gbk", "GBK"),
    ],
)
def test_an_encoding_that_is_not_read_is_refused_by_its_name(tmp_path: Path, text: str, encoding: str, told: str):
    file = tmp_path / "sample.csv"
    file.write_bytes(text.encode(encoding))
    assert told in str(run(tmp_path, "things", file).exception)


def test_accents_in_every_row_are_cp1252(tmp_path: Path):
    contract = inferred(tmp_path, table("name,age", "José,30", "Müller,25"), encoding="cp1252")
    assert contract.reading.format.encoding == "cp1252"


@pytest.mark.parametrize("name", ["Things", "a b", "x_quarantine", "json"])
def test_a_name_that_no_table_can_have_is_refused(tmp_path: Path, name: str):
    file = tmp_path / "sample.csv"
    file.write_text("a\n1\n")
    assert run(tmp_path, name, file).exit_code == 2


def test_scripts_get_the_questions_as_json(tmp_path: Path):
    file = tmp_path / "sample.csv"
    file.write_text("id,name\n1,Bo\n")
    result = CliRunner().invoke(app, ["new", "things", str(file), "--root", str(tmp_path), "--json"])
    told = json.loads(result.stdout)
    assert any("name: a person's name?" in question for question in told["decide"])
    with (tmp_path / "tests" / "data" / "things" / "good.csv").open() as good:
        assert list(csv.DictReader(good)) == [{"id": "1", "name": "Bo"}]


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
