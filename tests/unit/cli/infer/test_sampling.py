"""Which files a contract can be inferred from, and how they are read."""

from pathlib import Path

import pytest

from tests.unit.cli.infer.inferring import inferred, run, table


def test_the_delimiter_the_encoding_and_the_names_are_those_of_the_file(tmp_path: Path):
    rows = [f"Zoë {number}|{number}" for number in range(5)]
    contract = inferred(tmp_path, table("Straße Nr.|Class", *rows), encoding="cp1252")
    assert (contract.reading.format.delimiter, contract.reading.format.encoding) == ("|", "cp1252")
    assert list(contract.types) == ["stra_e_nr", "class_"]
    assert contract.reading.aliases == {"Straße Nr.": "stra_e_nr", "Class": "class_"}


def test_accents_in_every_row_are_cp1252(tmp_path: Path):
    contract = inferred(tmp_path, table("name,age", "José,30", "Müller,25"), encoding="cp1252")
    assert contract.reading.format.encoding == "cp1252"


@pytest.mark.parametrize(
    ("text", "named"),
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
def test_a_sample_without_a_table_is_refused_and_nothing_is_written(tmp_path: Path, text: str, named: str):
    file = tmp_path / "sample.csv"
    file.write_text(text)
    result = run(tmp_path, "things", file)
    assert result.exit_code != 0
    assert named in f"{result.exception} {result.output}"
    assert not (tmp_path / "functions").exists()


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("a,b\n1,2\n", "utf-16", "-t utf-8"),
        ("名前,値\nたろう,1\nはなこ,2\n", "cp932", "SHIFT_JIS"),
        ("姓名,城市\n张三,北京\n李四,上海\n", "gbk", "GBK"),
    ],
)
def test_an_encoding_that_is_not_read_is_refused_by_its_name(tmp_path: Path, text: str, encoding: str, named: str):
    file = tmp_path / "sample.csv"
    file.write_bytes(text.encode(encoding))
    assert named in str(run(tmp_path, "things", file).exception)
