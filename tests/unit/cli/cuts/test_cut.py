"""Training cuts of an Iceberg table: what they hold, that they stay, and what is refused."""

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from cli.cuts import cut as cuts
from cli.cuts import parts
from cli.cuts.cut import Cut, CutDiffers, CutEmpty, NoCut
from cli.stack.snapshots import NotAsOf, open_table
from sluice.errors import RowsLost
from sluice.manifest import TableDeclaration
from tests.unit.cli.lake_stack import SOLD, publish, sold, stack
from tests.unit.cloud import LAKE, Cloud
from tests.unit.publish.iceberg.table_files import ensure, lake_of, source


def march(day: int) -> datetime:
    return datetime(2025, 3, day, tzinfo=UTC)


ASKED: dict[str, Any] = {
    "train_until": march(10),
    "test_from": march(10),
    "gap": timedelta(days=2),
    "key": None,
    "time": None,
}


def make(known_at: datetime, name: str = "spring", **asked: Any) -> Cut:
    return cuts.make(stack(), name, "sales", known_at=known_at, asked={**ASKED, **asked})


def objects(cloud: Cloud, name: str = "spring") -> dict[str, bytes]:
    listed = cloud.s3.list_objects_v2(Bucket=LAKE, Prefix=f"cuts/{name}/").get("Contents", [])
    keys = [each["Key"] for each in listed]
    return {key.removeprefix(f"cuts/{name}/"): cloud.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in keys}


def read(cloud: Cloud, part: str, name: str = "spring") -> pl.DataFrame:
    files = [body for key, body in sorted(objects(cloud, name).items()) if key.startswith(f"{part}/")]
    return pl.concat([pl.read_parquet(io.BytesIO(body)) for body in files])


def days(cloud: Cloud, part: str, name: str = "spring") -> list[int]:
    return [time.day for time in read(cloud, part, name)["sold_at"]]


@pytest.fixture
def known(cloud: Cloud) -> datetime:
    publish(cloud, "b", "run-1", sold(1, 8, 9, 12))
    return publish(cloud, "a", "run-2", sold(7, 10, 11))


def test_rows_are_sorted_by_source_and_number_and_the_account_adds_up(cloud: Cloud, known: datetime):
    manifest = make(known).manifest
    assert days(cloud, "train") == [7, 1]
    assert days(cloud, "test") == [11, 10, 12]
    assert read(cloud, "test").select("_source_key", "_row_number").rows() == [
        (source("a"), 1),
        (source("a"), 2),
        (source("b"), 1),
    ]
    assert manifest["rows"] == {"known": 7, "train": 2, "test": 3, "left_out": {"gap": 2}}
    assert manifest["sources"] == {source("a"): {"test": 2, "train": 1}, source("b"): {"gap": 2, "test": 1, "train": 1}}


def test_the_files_have_the_columns_of_the_table_with_its_partitions(cloud: Cloud, known: datetime):
    make(known)
    train = read(cloud, "train")
    assert train.schema == {
        "item": pl.String,
        "price": pl.Decimal(9, 2),
        "sold_at": pl.Datetime("us"),
        "_source_key": pl.String,
        "_run_id": pl.String,
        "_row_number": pl.Int64,
        "month": pl.String,
    }
    assert train.row(0)[:3] == ("tea", Decimal("1.50"), datetime(2025, 3, 7))
    assert set(train["month"]) == {"2025-03"}


def test_the_manifest_has_true_hashes_and_statistics_but_no_values_of_texts(cloud: Cloud, known: datetime):
    manifest = make(known).manifest
    stored = objects(cloud)
    assert json.loads(stored["manifest.json"]) == manifest
    for part in ("train", "test"):
        (file,) = manifest[part]["files"]
        body = stored[f"{part}/{file['name']}"]
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
        assert file["rows"] == manifest["rows"][part]
    columns = {each["name"]: each for each in manifest["columns"]}
    assert columns["price"]["type"] == "decimal(9, 2)"
    assert columns["sold_at"]["train"] == {"nulls": 0, "min": "2025-03-01 00:00:00", "max": "2025-03-07 00:00:00"}
    assert columns["item"]["test"] == {"nulls": 0}
    assert (manifest["contract_version"], manifest["tag"]) == (1, "cut-spring")


def test_sagemaker_finds_the_files_by_a_manifest_that_no_prefix_of_a_part_matches(cloud: Cloud, known: datetime):
    make(known)
    listed = json.loads(objects(cloud)["sagemaker-train.json"])
    assert listed == [{"prefix": f"s3://{LAKE}/cuts/spring/train/"}, "part-00000.parquet"]
    assert {key for key in objects(cloud) if key.startswith("train")} == {"train/part-00000.parquet"}


def test_after_a_correction_the_same_cut_has_the_same_bytes_and_a_later_one_the_correction(
    cloud: Cloud, known: datetime
):
    first = make(known)
    before = objects(cloud)
    later = publish(cloud, "a", "run-3", sold(7, 10, 11, 20, price="9.99"))
    again = make(known)
    assert (first.again, again.again) == (False, True)
    assert objects(cloud) == before
    assert again.manifest == first.manifest
    make(later, "summer")
    assert set(read(cloud, "train", "summer")["price"]) == {Decimal("9.99"), Decimal("1.50")}
    assert days(cloud, "test", "summer") == [20, 11, 10, 12]


def test_rows_that_were_taken_out_later_are_still_in_the_cut(cloud: Cloud, known: datetime):
    make(known)
    publish(cloud, "b", "run-3", None)
    assert make(known).again
    assert 12 in days(cloud, "test")


def test_the_tagged_snapshot_outlives_the_others(cloud: Cloud, known: datetime):
    make(known)
    before = objects(cloud)
    publish(cloud, "a", "run-3", sold(10))
    last = open_table(stack(), "sales").current_snapshot().snapshot_id
    publish(cloud, "a", "run-4", sold(11))
    with open_table(stack(), "sales").maintenance.expire_snapshots() as expiry:
        expiry.older_than(datetime.now(UTC) + timedelta(days=1))
    left = [each.snapshot_id for each in open_table(stack(), "sales").snapshots()]
    assert last not in left
    assert len(left) == 2
    assert make(known).again
    assert objects(cloud) == before
    with pytest.raises(NotAsOf, match="has expired"):
        make(known, "other")


def test_a_name_stands_for_one_cut(cloud: Cloud, known: datetime):
    make(known)
    before = objects(cloud)
    for other in ({"test_from": march(11)}, {"gap": timedelta(0)}, {"key": "item"}):
        with pytest.raises(CutDiffers, match=r"there is another cut spring: .* is .*, not "):
            make(known, **other)
    with pytest.raises(CutDiffers, match="dataset is sales, not flights"):
        cuts.make(stack(), "spring", "flights", known_at=known, asked=ASKED)
    with pytest.raises(CutDiffers, match="known_at"):
        make(known - timedelta(milliseconds=1))
    assert objects(cloud) == before


def test_no_key_is_in_both_parts(cloud: Cloud):
    publish(cloud, "a", "run-1", sold(1, 12, item="tea"))
    known = publish(cloud, "b", "run-2", sold(12, 13, item="jam"))
    manifest = make(known, key="item").manifest
    assert manifest["rows"] == {"known": 4, "train": 1, "test": 2, "left_out": {"key_in_train": 1}}
    assert set(read(cloud, "train")["item"]) == {"tea"}
    assert set(read(cloud, "test")["item"]) == {"jam"}


def test_a_cut_without_rows_is_refused_and_leaves_nothing(cloud: Cloud, known: datetime):
    with pytest.raises(CutEmpty, match=r"test would have no rows: of 7 rows .* left out 3 \(gap 3\)"):
        make(known, test_from=march(30), train_until=march(30), gap=timedelta(days=20))
    assert objects(cloud) == {}
    assert "cut-spring" not in open_table(stack(), "sales").metadata.refs


def test_an_interrupted_cut_is_completed(cloud: Cloud, known: datetime, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(cuts, "_upload", _broken)
        with pytest.raises(ConnectionError):
            make(known)
    assert set(objects(cloud)) == {"cut.json"}
    publish(cloud, "a", "run-3", sold(10))
    assert not make(known).again
    assert days(cloud, "test") == [11, 10, 12]


def _broken(*_: Any) -> None:
    raise ConnectionError("no answer")


def test_a_lost_file_is_written_again_and_others_are_not(cloud: Cloud, known: datetime):
    make(known)
    before = objects(cloud)
    kept = cloud.s3.head_object(Bucket=LAKE, Key="cuts/spring/test/part-00000.parquet")["LastModified"]
    cloud.s3.delete_object(Bucket=LAKE, Key="cuts/spring/train/part-00000.parquet")
    assert make(known).again
    assert objects(cloud) == before
    assert cloud.s3.head_object(Bucket=LAKE, Key="cuts/spring/test/part-00000.parquet")["LastModified"] == kept


def test_a_writer_of_another_version_is_named_and_changes_nothing(
    cloud: Cloud, known: datetime, monkeypatch: pytest.MonkeyPatch
):
    make(known)
    before = objects(cloud)
    monkeypatch.setattr(cuts, "version", lambda _: "0.1")
    with pytest.raises(CutDiffers, match=r"install the packages of uv\.lock"):
        make(known)
    assert objects(cloud) == before


def test_a_tag_of_another_snapshot_is_not_taken_over(cloud: Cloud, known: datetime):
    table = open_table(stack(), "sales")
    with table.manage_snapshots() as snapshots:
        snapshots.create_tag(table.snapshots()[0].snapshot_id, "cut-spring")
    with pytest.raises(CutDiffers, match="of another snapshot"):
        make(known)
    assert objects(cloud) == {}


def test_of_two_cuts_of_a_name_at_the_same_time_one_is_refused(
    cloud: Cloud, known: datetime, monkeypatch: pytest.MonkeyPatch
):
    claim = cuts._claim

    def late(*given: Any) -> None:
        monkeypatch.setattr(cuts, "_claim", claim)
        make(known, gap=timedelta(0))
        claim(*given)

    monkeypatch.setattr(cuts, "_claim", late)
    with pytest.raises(CutDiffers, match="at the same time"):
        make(known)
    assert days(cloud, "train") == [7, 9, 8, 1]


def test_a_removed_cut_leaves_neither_objects_nor_a_tag(cloud: Cloud, known: datetime):
    make(known)
    make(known, "other")
    assert cuts.remove(stack(), "spring") == "sales"
    assert objects(cloud) == {}
    assert {"main", "cut-other"} == set(open_table(stack(), "sales").metadata.refs)
    assert objects(cloud, "other") != {}
    with pytest.raises(NoCut, match="there is no cut spring"):
        cuts.remove(stack(), "spring")


def test_large_parts_are_many_files_of_whole_row_groups(cloud: Cloud, known: datetime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "_GROUP_ROWS", 2)
    monkeypatch.setattr(parts, "_FILE_GROUPS", 2)
    later = publish(cloud, "c", "run-3", sold(*range(10, 20)))
    manifest = make(later).manifest
    assert [file["rows"] for file in manifest["test"]["files"]] == [4, 4, 4, 1]
    assert read(cloud, "test")["_row_number"].to_list() == [1, 2, 1, *range(1, 11)]


def test_columns_are_those_of_then_found_by_any_of_their_names(cloud: Cloud):
    before = publish(cloud, "a", "run-1", sold(1, 12))
    renamed = declared(2, {"item": "article", "price": "price"}, {"price": "decimal(11,2)"}, note="string")
    ensure(*lake_of(cloud), "sales", replace(renamed, aliases={"item": "article"}))
    rows = (
        sold(2, 13).rename({"item": "article"}).with_columns(pl.col("price").cast(pl.Decimal(11, 2)), note=pl.lit("x"))
    )
    later = publish(cloud, "b", "run-2", rows, renamed)
    make(before)
    assert read(cloud, "train").columns[:3] == ["item", "price", "sold_at"]
    assert make(later, "later").manifest["contract_version"] == 2
    train = read(cloud, "train", "later")
    assert train.select("article", "price", "note").rows() == [
        ("tea", Decimal("1.50"), None),
        ("tea", Decimal("1.50"), "x"),
    ]
    assert train.schema["price"] == pl.Decimal(11, 2)


def declared(version: int, names: dict[str, str], types: dict[str, str], **added: str) -> TableDeclaration:
    """SOLD with other names and types of columns, and further columns."""
    columns = [
        {"name": names.get(each["name"], each["name"]), "type": types.get(each["name"], each["type"])}
        for each in SOLD.schema
    ]
    more = [{"name": name, "type": type_} for name, type_ in added.items()]
    return replace(SOLD, contract_version=version, schema=[*columns[:3], *more, *columns[3:]])


def test_files_with_other_rows_than_the_metadata_say_are_refused(cloud: Cloud, known: datetime):
    table = open_table(stack(), "sales")
    address = next(iter(table.scan().plan_files())).file.file_path
    body = io.BytesIO()
    sold(1).with_columns(_source_key=pl.lit("x"), _run_id=pl.lit("x")).write_parquet(body)
    cloud.s3.put_object(Bucket=LAKE, Key=address.removeprefix(f"s3://{LAKE}/"), Body=body.getvalue())
    with pytest.raises(RowsLost, match="its metadata 7"):
        make(known)
