"""JSON Lines are read record by record: cells as written, and nothing lost of what is no record."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.contract.declarations import Reading
from sluice.contract.model import Contract
from sluice.engines import polars_engine
from sluice.engines.output_rows import Lineage
from sluice.errors import ContractInvalid, FileRejected
from sluice.read.jsonl_reader import JsonReader
from sluice.read.source import FileSource, Limits
from sluice.validate.validator import check
from tests.unit.reading import Bytes


class Post(pa.DataFrameModel):
    post_id: pl.String
    score: pl.Decimal(9, 3) = pa.Field(nullable=True)  # type: ignore[valid-type]
    text: pl.String = pa.Field(nullable=True)


POSTS = Contract(name="posts", version=1, row=Post, files=("posts/{file}.jsonl",), quarantine_limit=1.0)


def reading(**changes: object) -> Contract:
    return replace(POSTS, reading=Reading(**changes))  # type: ignore[arg-type]


def cells(data: bytes, contract: Contract = POSTS) -> list[tuple[object, ...]]:
    return [row for batch in JsonReader(contract, Bytes(data), 100) for row in batch.rows.iter_rows()]


def bad(data: bytes, contract: Contract = POSTS) -> list[tuple[object, ...]]:
    return [row for batch in JsonReader(contract, Bytes(data), 100) for row in batch.malformed.iter_rows()]


def test_a_cell_is_the_text_that_the_record_has():
    line = b'{"post_id": "p1", "score": 1.50, "text": null}\n{"text": true, "score": -1E+2, "post_id": 7}\n{}\n'
    assert cells(line) == [("p1", "1.50", None, 1), ("7", "-1E+2", "true", 2), (None, None, None, 3)]


def test_what_is_nested_is_kept_as_json_with_its_numbers_as_written():
    assert cells('{"text": {"é": [1.0, 1e5, "x", false, null, {}]}}'.encode()) == [
        (None, None, '{"é":[1.0,1e5,"x",false,null,{}]}', 1)
    ]


@pytest.mark.parametrize("between", [b"", b" ", b"\n", b"\r\n", b"\n\n", b"\r"])
def test_objects_may_stand_one_after_the_other_or_in_lines(between: bytes):
    found = cells(between.join(b'{"post_id":"%d"}' % number for number in range(3)))
    assert found == [(str(number), None, None, number + 1) for number in range(3)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"post_id,score", "row_is_a_json_object"),
        (b'{"post_id": "p', "row_is_a_json_object"),
        (b"[1]", "row_is_a_json_object"),
        (b'"{}"', "row_is_a_json_object"),
        (b'{"score": NaN}', "row_is_a_json_object"),
        (b'{"text": ' + b"[" * 100_000, "row_is_a_json_object"),
        (b'{"text": "\xff"}', "row_is_utf_8"),
        (b'{"text": "\\ud800"}', "row_is_utf_8"),
        (b'{"text": "a\\u0000"}', "row_has_no_nul"),
        (b'{"text": "a\0"}', "row_has_no_nul"),
        (b'{"text": "a", "text": "b"}', "row_has_no_repeated_key"),
        (b'{"text": "a", " TEXT": "b"}', "row_has_no_repeated_key"),
        (b'{"text": {"a": 1, "a": 2}}', "row_has_no_repeated_key"),
        (b'{"post_id": "p1", "colour": "red"}', "row_has_no_unknown_key"),
    ],
)
def test_a_line_that_is_no_record_is_a_malformed_row_with_its_text(line: bytes, reason: str):
    data = b'{"post_id":"a"}\n' + line + b'\n{"post_id":"b"}\n'
    assert bad(data) == [(2, line.decode("utf-8", "backslashreplace"), reason)]
    assert [row[0] for row in cells(data)] == ["a", "b"]


def test_the_sound_objects_before_the_damage_of_a_line_count():
    data = b'{"post_id":"a"}{"post_id":"b"} {"post_id":\n{"post_id":"c"}'
    assert [(row[0], row[-1]) for row in cells(data)] == [("a", 1), ("b", 2), ("c", 4)]
    assert bad(data) == [(3, '{"post_id":', "row_is_a_json_object")]


def test_an_unknown_key_is_ignored_or_kept_as_the_contract_says():
    line = b'{"post_id": "p1", "colour": "red", "size": [1.0]}\n{"post_id": "p2"}'
    assert cells(line, reading(unknown_columns="ignore")) == [("p1", None, None, 1), ("p2", None, None, 2)]
    assert cells(line, reading(unknown_columns="keep")) == [
        ("p1", None, None, '{"colour":"red","size":[1.0]}', 1),
        ("p2", None, None, None, 2),
    ]


def test_kept_keys_are_published(tmp_path: Path):
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b'{"post_id": "p1", "colour": "red"}\n')
    lineage = Lineage(source_key="posts/a.jsonl", run_id="test", file_stem="part")
    polars_engine.clean(reading(unknown_columns="keep"), FileSource(file), tmp_path / "out", lineage=lineage)
    published = pl.read_parquet(tmp_path / "out" / "published" / "*.parquet")
    assert published["_extra"].to_list() == ['{"colour":"red"}']


def test_keys_are_found_by_alias_and_in_any_case():
    assert cells(b'{"ID": "p1", "Score": 2}', reading(aliases={"id": "post_id"})) == [("p1", "2", None, 1)]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, bytes])
def test_compression_is_told_by_the_content(pack: type[bytes]):
    assert cells(pack(b'\xef\xbb\xbf{"post_id":"a"}\n')) == [("a", None, None, 1)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file_is_not_empty"),
        (b"PK\x03\x04" + bytes(100), "file_is_text"),
        (gzip.compress(b'{"post_id":"a"}\n' * 1000, mtime=0)[:-20], "file_is_complete"),
        (b'{"text": "' + b"x" * 5000 + b'"}', "file_has_records_under_16_mib"),
        (b"x" * 5000 + b"\n", "file_has_records_under_16_mib"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(data: bytes, reason: str):
    with pytest.raises(FileRejected) as refused:
        list(JsonReader(POSTS, Bytes(data), 100, Limits(record_bytes=4000, read_bytes=64, head_bytes=64)))
    assert refused.value.reason == reason


def test_damage_at_the_start_costs_no_other_record():
    data = b"PK\x03\x04" + bytes(40) + b'\n{"post_id":"a"}\n'
    assert cells(data) == [("a", None, None, 2)]
    assert [row[0] for row in bad(data)] == [1]


def test_a_second_pass_reads_the_same_and_the_facts_count():
    reader = JsonReader(POSTS, Bytes(b'{"post_id":"a"}\r\n\r\nx\r\n'), 100)
    first, second = list(reader), list(reader)
    assert [batch.rows.rows() for batch in first] == [batch.rows.rows() for batch in second]
    facts = reader.facts
    assert (facts.rows_in, facts.malformed, facts.blank_lines, facts.line_ending) == (2, 1, 1, "crlf")
    assert facts.splits == []


def test_the_gate_names_the_first_lines_that_are_no_objects():
    report = check(POSTS, Bytes(b'{"post_id":"a"}\noops\n{"score": 1}'))
    assert (report.rows, report.would_quarantine) == (3, 2)
    assert report.reasons == {"row_is_a_json_object": 1, "post_id_is_present": 1}


def test_a_contract_cannot_mix_json_lines_and_csv():
    with pytest.raises(ContractInvalid, match="or none"):
        replace(POSTS, files=("posts/{file}.jsonl", "posts/{file}.csv"))


values = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.lists(st.integers(), max_size=3))
records = st.fixed_dictionaries({}, optional={"post_id": values, "score": values, "text": values})
damage = st.sampled_from([b"", b"}", b'{"post_id": ', b"[]", b"\xff", b"null", b'{"a":1}', b"  "])


@settings(deadline=None)
@given(
    st.lists(st.tuples(records, damage, st.sampled_from([b"\n", b"\r\n", b"\n\n"])), max_size=12),
    st.integers(1, 40),
    st.integers(1, 5),
    st.sampled_from([1, 7, 64, 1 << 20]),
)
def test_no_record_is_lost_however_the_bytes_arrive(
    sent: list[tuple[dict[str, object], bytes, bytes]], step: int, batch_rows: int, read_bytes: int
):
    data = b"".join(json.dumps(record).encode() + junk + end for record, junk, end in sent)
    limits = Limits(read_bytes=read_bytes, head_bytes=read_bytes)
    if not data:
        return
    batches = list(JsonReader(reading(), Bytes(data, step), batch_rows, limits))
    rows = [row for batch in batches for row in batch.rows.iter_rows()]
    torn = [row for batch in batches for row in batch.malformed.iter_rows()]
    assert sorted(row[-1] for row in rows + [(*row[1:], row[0]) for row in torn]) == list(
        range(1, len(rows) + len(torn) + 1)
    )
    sound = [record for record, _, _ in sent if not characters_refused(record)]
    assert [row[:3] for row in rows] == [
        tuple(as_cell(record.get(name)) for name in ("post_id", "score", "text")) for record in sound
    ]
    assert len(rows) + len(torn) == len(sent) + sum(bool(junk.strip()) for _, junk, _ in sent)


def characters_refused(record: dict[str, object]) -> bool:
    return any(isinstance(value, str) and "\0" in value for value in record.values())


def as_cell(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    "data",
    [
        b'[\n {"post_id": "a"},\n {"post_id": "b"}\n]\n',
        b'[{"post_id": "a"}]',
        b'\xef\xbb\xbf [{"post_id": "a"},',
        b"[]\n",
    ],
)
def test_a_json_array_is_rejected_as_one(data: bytes):
    with pytest.raises(FileRejected, match="file_is_no_json_array"):
        cells(data)


def test_an_array_in_line_1_does_not_cost_the_lines_below():
    assert bad(b'[{"post_id": "a"}]\n{"post_id": "b"}\n') == [(1, '[{"post_id": "a"}]', "row_is_a_json_object")]
