"""A window counts what the contract would publish, in any batches, and writes its result once."""

import base64
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import sentiment, sentiment_minutes
from sluice.aws.dynamodb import plain
from sluice.stream.windows import First, PerMinute, State, add, lines
from sluice.validate.validator import check
from tests.unit.cloud import LEDGER, RAW, Cloud
from tests.unit.read.test_jsonl_reader import Bytes

WHAT = PerMinute(sentiment.contract, time="posted_at", group="brand", value="score")


def post(number: int, **changes: object) -> bytes:
    record = {"post_id": f"p{number}", "brand": "acme", "text_length": 3, "score": 0.125}
    return json.dumps({**record, "posted_at": "2026-11-20T09:00:05Z", **changes}).encode()


def counted(state: State) -> list[tuple[Any, ...]]:
    rows = [
        json.loads(line) for line in lines(WHAT, state, window_start="2026-11-20T09:00:00", shard_id="s").splitlines()
    ]
    return [(row["minute"][11:16], row["brand"], row["posts"], row["mean_score"], row["brands"]) for row in rows]


def numbered(records: list[bytes]) -> list[tuple[str, bytes]]:
    return [(str(number), record) for number, record in enumerate(records)]


def memory() -> First:
    """What FirstSeen is, for the length of a test."""
    known: dict[str, str] = {}
    return lambda rows: {row for row, number in rows.items() if known.setdefault(row, number) == number}


def posts_of(state: State) -> int:
    return sum(posts for groups in state.get("counts", {}).values() for posts, _ in groups.values())


def test_rows_are_counted_by_minute_and_brand_and_bad_ones_are_not():
    records = [
        post(1),
        post(2, brand=" ACME ", score=-1),
        post(3, brand="globex", score=1),
        post(4, posted_at="2026-11-20T08:58:59.999Z"),
        post(5, score=2),
        b'{"post_id": "p6", "brand',
        b"\x1f\x8b\xff",
    ]
    assert counted(add(WHAT, {}, numbered(records), memory())) == [
        ("08:58", "acme", 1, "0.125000", 1),
        ("09:00", "acme", 2, "-0.437500", 2),
        ("09:00", "globex", 1, "1.000000", 2),
    ]


def test_a_batch_of_nothing_but_damage_counts_as_seen():
    state = add(WHAT, {}, numbered([b"oops", b'{"a']), memory())
    assert (state["records"], state["counts"]) == (2, {})


def test_a_result_is_what_its_dataset_accepts():
    state = add(WHAT, {}, numbered([post(1), post(2, brand='a "b", c', score="0.333"), post(3, score=-0.5)]), memory())
    body = lines(WHAT, state, window_start="2026-11-20T09:00:00", shard_id="shardId-000000000000")
    report = check(sentiment_minutes.contract, Bytes(body), "sentiment_minutes/2026-11-20/090000-s-1.jsonl")
    assert (report.result, report.rows, report.would_quarantine) == ("accepted", 2, 0)


def test_a_record_that_comes_again_counts_once_and_a_correction_counts_too():
    first = memory()
    corrected = post(1, score=1, received_at="2026-11-20T09:05:00Z")
    reordered = json.dumps(dict(reversed(json.loads(post(1)).items())), indent=None).encode()
    state = add(WHAT, {}, numbered([post(1), reordered, post(1, score=2)]), first)
    assert (posts_of(state), state["repeated"]) == (1, 1)
    state = add(WHAT, state, [("7", post(1)), ("8", corrected), ("9", corrected)], first)
    assert (posts_of(state), state["repeated"], state["records"]) == (2, 3, 6)


def test_objects_that_share_a_record_count_each():
    records = numbered([post(1), post(2) + post(3) + b"{" + post(4), post(2), b"\n".join([post(5), post(5), b"oops"])])
    first = memory()
    for _ in range(2):
        state = add(WHAT, {}, records, first)
        assert (posts_of(state), state["repeated"]) == (4, 2)
    assert posts_of(add(WHAT, {}, [records[1]], first)) == 2  # tried again, in a batch of its own
    assert posts_of(add(WHAT, {}, [("9", records[1][1])], first)) == 0


def test_records_in_another_encoding_stop_no_window_and_cost_no_other_record():
    wide = [post(number).decode().encode("utf-16-le") for number in range(4)]
    spaced = post(9).replace(b'{"', b'{ "')
    for records, counted in (([*wide], 0), ([*wide[:2], spaced, *wide[2:]], 1), ([b"\0\0{\0\xff", spaced], 1)):
        assert posts_of(add(WHAT, {}, numbered(records), memory())) == counted


posts = st.builds(
    post,
    st.integers(0, 5),
    brand=st.sampled_from(["acme", "globex"]),
    score=st.integers(-1000, 1000).map(lambda number: str(Decimal(number) / 1000)),
    posted_at=st.sampled_from(["2026-11-20T09:00:05Z", "2026-11-20T09:01:00Z", "2026-11-20T08:59:59Z"]),
    received_at=st.sampled_from(["2026-11-20T09:02:00Z", "2026-11-20T09:03:00Z", None]),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(posts, min_size=1, max_size=12), st.data())
def test_batches_and_tries_do_not_matter(records: list[bytes], data: st.DataObject):
    first, sent = memory(), numbered(records)
    whole = add(WHAT, {}, sent, first)
    state: State = {}
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        add(WHAT, state, sent[: data.draw(st.integers(1, len(sent)))], first)  # a try of which nothing came back
        state, sent = add(WHAT, state, sent[:size], first), sent[size:]
    assert json.loads(json.dumps(state)) == state == whole


@settings(max_examples=50, deadline=None)
@given(st.lists(posts, min_size=1, max_size=12), st.data())
def test_each_record_counts_once_however_often_it_comes_on_whatever_shard(records: list[bytes], data: st.DataObject):
    first, windows = memory(), [State(), State()]
    for number in range(2 * len(records)):
        shard = data.draw(st.integers(0, 1))
        record = records[number % len(records)]
        windows[shard] = add(WHAT, windows[shard], [(f"{shard}/{number}", record)], first)
    distinct = {(post["post_id"], post["received_at"]) for post in map(json.loads, records)}
    assert sum(posts_of(state) for state in windows) == len(distinct)


def event(
    records: list[bytes], *, state: State | None = None, final: bool = False, begin: int = 0, shard: int = 0
) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "partitionKey": f"sentiment/{number}",
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(record).decode(),
                }
            }
            for number, record in enumerate(records, start=begin)
        ],
        "window": {"start": "2026-11-20T09:00:00Z", "end": "2026-11-20T09:01:00Z"},
        "state": state or {},
        "shardId": f"shardId-{shard:012}",
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": False,
    }


def test_a_window_that_is_closed_twice_is_written_once(cloud: Cloud):
    state = cloud.invoke("window", event([post(1), post(2)]))["state"]
    for _ in range(2):
        assert cloud.invoke("window", event([], state=state, final=True)) == {"state": {}}
    (version,) = cloud.s3.list_object_versions(Bucket=RAW, Prefix="sentiment_minutes/")["Versions"]
    body = cloud.s3.get_object(Bucket=RAW, Key=version["Key"])["Body"].read()
    assert pl.read_ndjson(body)["posts"].to_list() == [2]


def test_a_window_whose_write_was_not_recorded_writes_the_same_bytes_under_the_same_key(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
):
    state = cloud.invoke("window", event([post(1)]))["state"]
    window = cloud.module("window")
    put = window.ITEMS.put
    with monkeypatch.context() as broken:
        broken.setattr(window.ITEMS, "put", lambda item: 1 / 0 if "digest" in item else put(item))
        with pytest.raises(ZeroDivisionError):
            cloud.invoke("window", event([], state=state, final=True))
    cloud.invoke("window", event([], state=state, final=True))
    versions = cloud.s3.list_object_versions(Bucket=RAW, Prefix="sentiment_minutes/")["Versions"]
    assert len({(version["Key"], version["ETag"]) for version in versions}) == 1
    assert len(versions) == 2


def test_while_the_ledger_fails_a_window_uploads_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    state = cloud.invoke("window", event([post(1)]))["state"]
    with monkeypatch.context() as broken:
        broken.setattr(cloud.module("window").ITEMS, "put", lambda item: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cloud.invoke("window", event([], state=state, final=True))
    assert "Versions" not in cloud.s3.list_object_versions(Bucket=RAW, Prefix="sentiment_minutes/")
    cloud.invoke("window", event([], state=state, final=True))
    assert minutes(cloud) == 1


def test_records_of_other_datasets_and_empty_windows_write_nothing(cloud: Cloud):
    other = event([post(1)], final=True)
    other["Records"][0]["kinesis"]["partitionKey"] = "sentimental/1"
    assert cloud.invoke("window", other) == {"state": {}}
    assert cloud.invoke("window", event([], final=True)) == {"state": {}}
    assert "Contents" not in cloud.s3.list_objects_v2(Bucket=RAW, Prefix="sentiment_minutes/")


def minutes(cloud: Cloud) -> int:
    """Posts in all files that the windows have written."""
    keys = [entry["Key"] for entry in cloud.s3.list_objects_v2(Bucket=RAW, Prefix="sentiment_minutes/")["Contents"]]
    files = [cloud.s3.get_object(Bucket=RAW, Key=key)["Body"].read() for key in keys]
    return sum(int(pl.read_ndjson(body)["posts"].sum()) for body in files)


def test_the_same_records_again_count_in_no_later_window_of_any_shard(cloud: Cloud):
    records = [post(1), post(2)]
    cloud.invoke("window", event(records, final=True))
    for shard, begin in ((0, 2), (1, 0), (1, 9)):
        assert cloud.invoke("window", event(records, final=True, shard=shard, begin=begin)) == {"state": {}}
    assert minutes(cloud) == 2
    closed = map(plain, cloud.dynamodb.scan(TableName=LEDGER)["Items"])
    assert sorted((item["records"], item["repeated"]) for item in closed) == [(2, 0), (2, 2), (2, 2), (2, 2)]


def test_a_window_that_is_read_again_from_its_start_decides_the_same(cloud: Cloud):
    records = [post(1), post(2), post(1)]
    for _ in range(2):
        cloud.invoke("window", event(records, final=True))
    (version,) = cloud.s3.list_object_versions(Bucket=RAW, Prefix="sentiment_minutes/")["Versions"]
    assert version["IsLatest"]
    assert minutes(cloud) == 2
