"""Fuzzes what reads other people's bytes: the parser and both of its users, the key matcher, the reader of events.

FUZZ_EXAMPLES sets how many examples each law gets (`make fuzz`: 20,000); without it there are few.
"""

import gzip
import json
import os
import re
import string
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.sales import contract
from sluice.aws.object_version import ObjectVersion
from sluice.contract.key_pattern import KeyPattern
from sluice.contract.partitions import partition_path
from sluice.engines.polars_engine import Lineage, clean
from sluice.errors import FileRejected, UnexpectedEvent
from sluice.ingest.object_tags import allowed
from sluice.ingest.upload_event import parse
from sluice.manifest import PartitionCount
from sluice.publish.lake import LakeManifest
from sluice.publish.row_counts import count_query
from sluice.read.source import FileSource
from sluice.validate import validator
from tests.unit.publish.test_tables import MANIFEST
from tests.unit.sales_rows import HEADER

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
LENIENT = replace(contract, quarantine_limit=1.0)
LINEAGE = Lineage(source_key="s3://raw/sales/S1/2025-03-05.csv", run_id="fuzz", file_stem="part")

pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b",", b'"', b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"(\xb5/\xfd"]),
    st.sampled_from([b"T1,S1,P1,2025-03-05,2,9.99,EUR,online,toys,44,false,2025-03-05T10:00:00\n"]),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
bodies = st.lists(pieces, max_size=12).map(b"".join)
files = st.one_of(
    bodies,
    bodies.map(lambda body: HEADER.encode() + b"\n" + body),
    bodies.map(lambda body: gzip.compress(HEADER.encode() + b"\n" + body)),
    st.tuples(bodies, st.integers(0, 60)).map(lambda cut: gzip.compress(HEADER.encode() + cut[0])[: -1 - cut[1]]),
)


def examples(few: int) -> settings:
    return settings(max_examples=EXAMPLES or few, deadline=None)


@examples(60)
@given(files)
def test_any_bytes_are_judged_and_cleaned_with_an_account_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "in.csv"
    path.write_bytes(content)
    report = validator.check(LENIENT, FileSource(path))
    try:
        manifest = clean(LENIENT, FileSource(path), folder / "out", lineage=LINEAGE)
    except FileRejected as rejected:
        reason = rejected.reason
    else:
        reason = ""
    _remove(folder)
    if reason:
        assert (report.result, reason in report.reasons) == ("rejected", True)
        return
    assert report.accepted
    assert manifest.rows_in == report.rows
    assert manifest.rows_in == manifest.published + manifest.quarantined + sum(manifest.discarded.values())
    json.dumps(report.to_dict(), ensure_ascii=False).encode()


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


segments = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=30)
dates = st.dates(min_value=datetime(1000, 1, 1).date())


@examples(100)
@given(segments, dates, st.sampled_from(["", ".gz", ".zst"]))
def test_a_key_that_follows_the_pattern_yields_its_very_parts(store: str, day: Any, suffix: str) -> None:
    pattern = KeyPattern("sales/{store_id}/{date:%Y-%m-%d}.csv")

    assert pattern.match(f"sales/{store}/{day:%Y-%m-%d}.csv{suffix}") == {"store_id": store, "date": f"{day:%Y-%m-%d}"}


@examples(100)
@given(st.text(max_size=60) | st.text("sales/{}.csv-0123456789\n%*\\", max_size=60))
def test_any_key_matches_entirely_or_not_at_all(key: str) -> None:
    found = KeyPattern("sales/{store_id}/{date:%Y-%m-%d}.csv").match(key)

    if found is not None:
        rebuilt = f"sales/{found['store_id']}/{found['date']}.csv"
        assert key in (rebuilt, f"{rebuilt}.gz", f"{rebuilt}.zst")
        assert "/" not in found["store_id"]


literals = st.text("a_/.", max_size=3)


@examples(500)
@given(st.lists(literals, min_size=1, max_size=5), st.text("a_/.", max_size=14), st.sampled_from(["", ".gz", ".zst"]))
def test_a_key_is_matched_as_by_a_regular_expression_with_lazy_parts(around: list[str], key: str, end: str) -> None:
    fields = [f"{{p{number}}}" for number in range(len(around) - 1)]
    pattern = "".join(literal + field for literal, field in zip(around, [*fields, ""], strict=True))
    regex = re.sub(r"\\{(p\d)\\}", r"(?P<\1>[^/]+?)", re.escape(pattern)) + r"(?:\.gz|\.zst)?"
    expected = re.fullmatch(regex, key + end)

    assert KeyPattern(pattern).match(key + end) == (expected and expected.groupdict())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def forged_events(draw: st.DrawFn) -> str:
    """An upload's event with some of its parts replaced by anything, or taken away."""
    thing: dict[str, Any] = {"key": "sales/S1/2025-03-05.csv", "size": 3, "version-id": "v", "sequencer": "0A"}
    detail: dict[str, Any] = {"bucket": {"name": "ours"}, "object": thing}
    event: dict[str, Any] = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    for target in draw(st.lists(st.sampled_from([thing, detail, detail["bucket"], event]), max_size=3)):
        name = draw(st.sampled_from(sorted(target))) if target else None
        if name and draw(st.booleans()):
            target[name] = draw(json_values)
        elif name:
            del target[name]
    return json.dumps(event)


@examples(100)
@given(st.text(max_size=40) | json_values.map(json.dumps) | forged_events())
def test_any_message_is_an_upload_into_our_bucket_or_refused(body: str) -> None:
    try:
        source = parse(body, bucket="ours")
    except UnexpectedEvent:
        return
    assert source.bucket == "ours"
    assert [type(part) for part in (source.key, source.version_id, source.sequencer)] == [str, str, str]
    assert ObjectVersion.from_dict(json.loads(json.dumps(source.to_dict()))) == source
    assert source.version_id


@examples(100)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_partition_value_is_one_folder_whose_name_tells_it(value: str) -> None:
    path = partition_path({"store": value})

    assert "/" not in path.removeprefix("store=")
    assert unquote(path.removeprefix("store=")) == value


@examples(30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=3))
def test_any_partition_value_is_only_a_value_in_the_query(values: list[str]) -> None:
    account = replace(
        MANIFEST,
        partition_columns=[{"name": "store", "type": "string"}],
        partitions=[PartitionCount({"store": value}, partition_path({"store": value}), 1) for value in values],
    )
    plan = count_query([LakeManifest(account, ObjectVersion("ours", "key", "v", "", 1), ())], bucket="lake")
    for literal, value in zip(plan.parameters, sorted(set(values)), strict=False):
        sql = sqlglot.transpile(f"SELECT {literal}", read="trino", write="duckdb")[0]
        assert duckdb.sql(sql).fetchall() == [(value,)]


@examples(100)
@given(st.text(max_size=300))
def test_any_text_becomes_a_tag_that_s3_takes(text: str) -> None:
    value = allowed(text)

    assert len(value) <= 256
    assert all(char in string.whitespace + "_.:/=+-@" or char.isalnum() for char in value)
