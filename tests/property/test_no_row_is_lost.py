"""Whatever the bytes of a file, every one of its rows is published, quarantined or discarded, once and unchanged."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from datasets.sales import contract
from samples.compare import differences
from samples.oracle import Oracle
from samples.records import Record, read_records
from samples.sales_files import HEADER
from sluice.engines.polars_engine import Lineage, clean
from sluice.errors import FileRejected
from sluice.read.source import FileSource

LENIENT = replace(contract, quarantine_limit=1.0)
LINEAGE = Lineage(source_key="sales/S1/2024-05-06.csv", run_id="test", file_stem="part")

good_row = st.builds(
    "T-{},S1,P{},2024-05-06,{},3.50,USD,online,{},40,no,2024-05-07T08:09:10".format,
    st.integers(0, 30),
    st.integers(1, 3),
    st.sampled_from(["1", "2", "", "1000", "0", "x"]),
    st.sampled_from(["toys", '"a, b"', '"5"" pipe"', '"two\nlines"', '"cr\r\nlf"', "né", "", '""']),
).map(str.encode)

junk = st.lists(
    st.sampled_from(
        [b",", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b" ", b"T-1", b"\xe9", b"\xc3\xa9", b"\xff", b"a", b",,,,,,"]
    ),
    max_size=20,
).map(b"".join)


@st.composite
def damaged_rows(draw: st.DrawFn) -> bytes:
    """A good row with a piece of junk in some place of it."""
    row = draw(good_row)
    at = draw(st.integers(0, len(row)))
    return row[:at] + draw(junk) + row[draw(st.integers(at, min(len(row), at + 5))) :]


rows = st.one_of(good_row, good_row, good_row, damaged_rows(), junk)
line_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A sales file: byte order mark or none, rows good and bad, line ends of all kinds, mixed encodings."""
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    body = b"".join(row + end for row, end in draw(st.lists(st.tuples(rows, line_ends), max_size=25)))
    return mark + HEADER.encode() + body + draw(st.sampled_from([b"", b"T-99", b'"', b"\n\n"]))


@settings(max_examples=60, deadline=None)
@given(files())
def test_rows_in_are_published_quarantined_or_discarded(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("law")
    csv, out = folder / "in.csv", folder / "out"
    csv.write_bytes(content)
    try:
        clean(LENIENT, FileSource(csv), out, lineage=LINEAGE)
    except FileRejected as rejected:
        event(rejected.reason)
        return
    manifest = json.loads((out / "manifest.json").read_text())
    header, records = read_records(csv)
    source = {record.row_number: record for record in records}
    published, quarantined = rows_of(out / "published"), rows_of(out / "quarantine")

    assert manifest["rows_in"] == len(source)
    assert len(source) == len(published) + len(quarantined) + sum(manifest["discarded"].values())
    assert (manifest["published"], manifest["quarantined"]) == (len(published), len(quarantined))
    numbers = [row["_row_number"] for row in published + quarantined]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= source.keys()
    for row in quarantined:
        assert is_the_source_row(row, source[row["_row_number"]], header)
    for row in published:
        fields = dict(zip(header, source[row["_row_number"]].fields, strict=True))
        assert row["transaction_id"] == fields["transaction_id"].strip()
        assert row["category"] in (fields["category"].strip().lower(), None)


def rows_of(folder: Path) -> list[dict[str, object]]:
    return [row for file in sorted(folder.rglob("*.parquet")) for row in pl.read_parquet(file).to_dicts()]


def is_the_source_row(row: dict[str, object], record: Record, header: list[str]) -> bool:
    if record.reason:
        return row["_raw"] == record.raw and row["_reasons"] == [record.reason]
    return [row[name] or "" for name in header] == record.fields and bool(row["_reasons"])


@settings(max_examples=15, deadline=None)
@given(files())
def test_damaged_files_are_cleaned_as_the_sql_says(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("sql")
    csv, out = folder / "in.csv", folder / "out"
    csv.write_bytes(content)
    try:
        clean(LENIENT, FileSource(csv), out, lineage=LINEAGE)
    except FileRejected as rejected:
        event(rejected.reason)
        return
    with Oracle(csv, threads=1) as expected:
        assert differences(out, expected) == []
