import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.repair.csv_scanner import CsvScanner
from cli.repair.rewrite import CannotRewrite, CorrectedRow, rewrite
from sluice.contract import registry
from sluice.contract.declarations import TextFormat
from sluice.read.csv_reader import Reader
from sluice.read.source import FileSource, Limits
from tests.unit.sales_rows import GOOD, HEADER, as_csv, written

SALES = registry.load("sales")


def rewritten(folder: Path, content: str | bytes, rows: dict[int, CorrectedRow]) -> bytes:
    out = folder / "out"
    rewrite(SALES, FileSource(written(folder, content)), rows, out)
    return out.read_bytes()


def test_a_corrected_row_replaces_the_old_one_and_every_other_byte_stays(tmp_path: Path):
    file = as_csv({}, {"channel": "fax"}, {"category": "  toys, small "}).replace("\n", "\r\n")
    cells = GOOD | {"transaction_id": "T2", "channel": "online"}
    assert rewritten(tmp_path, file, {2: CorrectedRow(cells)}).decode() == file.replace("fax", "online")


def test_a_row_with_equal_values_keeps_its_bytes(tmp_path: Path):
    file = as_csv({}, {}).replace("toys", '"toys"')
    out = tmp_path / "out"
    result = rewrite(SALES, FileSource(written(tmp_path, file)), {1: CorrectedRow(GOOD)}, out)
    assert (result.rows, result.changed, result.same) == (2, 0, 1)
    assert out.read_bytes() == file.encode()


def test_cells_that_need_quotes_get_them(tmp_path: Path):
    cells = GOOD | {"category": 'say "hi",\nthen go'}
    text = rewritten(tmp_path, as_csv({}), {1: CorrectedRow(cells)}).decode()
    assert '"say ""hi"",\nthen go"' in text
    (batch,) = Reader(FileSource(written(tmp_path, text)), TextFormat())
    assert batch.rows["category"].to_list() == ['say "hi",\nthen go']


def test_a_row_that_could_not_be_split_is_corrected_as_text_or_by_its_cells(tmp_path: Path):
    broken = 'T2,S001,"P1\nT3,short\n'
    file = HEADER + "\n" + as_csv({}).split("\n", 1)[1] + broken
    whole = as_csv({"transaction_id": "T2"}).splitlines()[1]
    rows = {2: CorrectedRow({}, raw=whole), 3: CorrectedRow(GOOD | {"transaction_id": "T3"})}
    assert rewritten(tmp_path, file, rows).decode() == as_csv({}, {}, {})


def test_a_row_that_could_not_be_split_and_was_not_corrected_stays(tmp_path: Path):
    file = as_csv({}) + 'T2,S001,"P1\n'
    assert rewritten(tmp_path, file, {2: CorrectedRow({}, raw='T2,S001,"P1')}).decode() == file


def test_columns_are_found_by_the_files_own_header(tmp_path: Path):
    file = as_csv({"channel": "fax"}, {})
    lines = [",".join(reversed(line.split(","))) for line in file.splitlines()]
    mirrored = "\n".join(lines)
    assert rewritten(tmp_path, mirrored, {1: CorrectedRow(GOOD)}).decode() == mirrored.replace("fax", "online")


def test_masked_cells_of_personal_columns_keep_their_value(tmp_path: Path):
    contract = replace(SALES, personal={"customer_age": "keep"})
    file = as_csv({"channel": "fax", "customer_age": "81"})
    out = tmp_path / "out"
    rewrite(contract, FileSource(written(tmp_path, file)), {1: CorrectedRow(GOOD | {"customer_age": "***"})}, out)
    assert out.read_text() == file.replace("fax", "online")


@pytest.mark.parametrize(("pack", "unpack"), [(gzip.compress, gzip.decompress), (zstd.compress, zstd.decompress)])
def test_a_compressed_file_stays_compressed(tmp_path: Path, pack, unpack):
    file = as_csv({"channel": "fax"}, {})
    assert unpack(rewritten(tmp_path, pack(file.encode()), {1: CorrectedRow(GOOD)})).decode() == file.replace(
        "fax", "online"
    )


def test_the_byte_order_mark_blank_lines_and_a_missing_last_line_end_stay(tmp_path: Path):
    file = b"\xef\xbb\xbf" + as_csv({"channel": "fax"}, {}).replace("\n", "\n  \n\n", 2).rstrip("\n").encode()
    assert rewritten(tmp_path, file, {1: CorrectedRow(GOOD)}) == file.replace(b"fax", b"online")


def test_a_row_number_beyond_the_file_is_refused(tmp_path: Path):
    with pytest.raises(CannotRewrite, match="has 2 rows, there is no row 3"):
        rewritten(tmp_path, as_csv({}, {}), {3: CorrectedRow(GOOD)})


def test_a_corrected_row_that_changes_how_another_is_read_is_refused(tmp_path: Path):
    # Row 1 opens a quote that nothing closes; a quote in row 2 would close it and swallow the line between.
    file = HEADER + '\nT1,"S001\nT2,x\n'
    with pytest.raises(CannotRewrite, match="would be read differently"):
        rewritten(tmp_path, file, {2: CorrectedRow({}, raw='T2",b,c')})


def test_a_text_of_two_rows_is_refused(tmp_path: Path):
    file = as_csv({}) + "short\n"
    with pytest.raises(CannotRewrite, match="would be read differently"):
        rewritten(tmp_path, file, {2: CorrectedRow({}, raw="one\ntwo")})


PIECES = st.lists(
    st.sampled_from(["a", "b", "é", ",", ",", '"', '""', "\n", "\n", "\r\n", "\r", " ", "x,y\n"]), max_size=60
)


@given(PIECES)
@settings(max_examples=150, deadline=None)
def test_rows_are_numbered_as_the_reader_numbers_them(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]):
    content = ("c,d\n" + "".join(pieces)).encode()
    path = written(tmp_path_factory.mktemp("scan"), content)
    limits = Limits(read_bytes=7, head_bytes=8)
    scanned = list(CsvScanner(path.open("rb"), TextFormat(), limits))
    assert b"".join(each.raw + each.ending for each in scanned) == content
    grammar = CsvScanner(path.open("rb"), TextFormat()).grammar
    read = {}
    for batch in Reader(FileSource(path), TextFormat()):
        read |= dict.fromkeys(batch.rows["_row_number"], "good")
        read |= dict(batch.malformed.select("_row_number", "_raw").iter_rows())
    by_number = {each.number: each for each in scanned if each.number}
    assert set(by_number) == set(read)
    for number, raw in read.items():
        assert raw in ("good", grammar.show(by_number[number].raw))
