import time

import pytest

from sluice.aws.dynamodb import Items
from sluice.aws.s3 import put_json
from sluice.errors import RowsLost
from sluice.ledger.ledger import HEAD
from sluice.maintain.maintain import Cleanup, clean_up, iceberg_tables
from sluice.maintain.promises import Promises, promises
from sluice.publish.iceberg import table as tables
from tests.unit.cloud import LAKE, LEDGER, Cloud
from tests.unit.maintain.compacted import DAY, NAMES, commit, compacted, files, march, quantities
from tests.unit.publish.iceberg.table_files import SALES, ensure, lake_of, source, table


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_PAUSE", 0)


@pytest.fixture
def sales(cloud: Cloud) -> Cloud:
    ensure(*lake_of(cloud), "sales", SALES)
    commit(cloud, *(march(cloud, name, "run-1", n, 10 * n) for n, name in enumerate(NAMES, 1)))
    return cloud


def cleaned_up(cloud: Cloud, *, days: float, promised: Promises | None = None) -> Cleanup:
    """Clean up as so many days from now, with seven days of snapshots."""
    now = time.time() + days * DAY
    return clean_up(*lake_of(cloud), "sales", promised or Promises(), snapshot_days=7, now=now)


def objects(cloud: Cloud, prefix: str = "published/") -> list[str]:
    listed = cloud.s3.list_objects_v2(Bucket=LAKE, Prefix=prefix).get("Contents", [])
    return sorted(each["Key"].rpartition("/")[2] for each in listed)


def test_files_that_were_compacted_are_deleted_when_their_snapshots_have_expired(sales: Cloud):
    before = quantities(sales)
    compacted(sales)
    assert cleaned_up(sales, days=6.9) == Cleanup(0, 0)
    assert len(objects(sales)) == 7
    done = cleaned_up(sales, days=7.1)
    assert done.snapshots == 1
    assert objects(sales) == files(sales)
    assert quantities(sales) == before


def test_a_snapshot_that_was_current_within_the_days_stays_however_old_it_is(sales: Cloud):
    assert cleaned_up(sales, days=100).snapshots == 0
    commit(sales, march(sales, "a", "run-2", 5), run_id="run-2")
    old, new = (each.timestamp_ms / 1000 for each in table(sales).snapshots())
    week_after_the_old_one_was_made = (old + new) / 2 - time.time() + 7 * DAY
    assert cleaned_up(sales, days=week_after_the_old_one_was_made / DAY).snapshots == 0
    assert cleaned_up(sales, days=7.01).snapshots == 1


def test_a_tagged_snapshot_and_its_files_stay(sales: Cloud):
    before = sorted(row[0] for row in quantities(sales))
    snapshot = table(sales).current_snapshot().snapshot_id
    table(sales).manage_snapshots().create_tag(snapshot, "audit").commit()
    compacted(sales)
    cleaned_up(sales, days=30)
    read = table(sales).scan(snapshot_id=snapshot).to_arrow()
    assert sorted(read["quantity"].to_pylist()) == before


def test_the_undo_of_a_run_that_died_long_ago_finds_the_former_rows(sales: Cloud):
    before = quantities(sales)
    former = march(sales, "c", "run-1", 3, 30)
    compacted(sales)
    cleaned_up(sales, days=8)
    assert not set(objects(sales)) & {key.rpartition("/")[2] for key in former.published}
    dead = march(sales, "c", "run-2", 4)
    put_json(sales.s3, LAKE, dead.key, dead.to_dict())
    commit(sales, dead, run_id="run-2")
    for n in range(3):
        commit(sales, march(sales, "d", f"run-{n + 3}", 4, 40), run_id=f"run-{n + 3}")
    cleaned_up(sales, days=30, promised=Promises(pending=[dead.key]))
    commit(sales, former, run_id="run-2", always=True)
    assert [row for row in quantities(sales) if row[1] != source("d")] == [
        row for row in before if row[1] != source("d")
    ]


def test_the_objects_of_a_run_that_goes_on_stay(sales: Cloud):
    pending = march(sales, "g", "run-2", 4)
    put_json(sales.s3, LAKE, pending.key, pending.to_dict())
    assert cleaned_up(sales, days=30, promised=Promises(pending=[pending.key])).objects == 0
    commit(sales, pending, run_id="run-2")
    assert (4, source("g"), "run-2") in quantities(sales)


def test_what_a_dead_function_has_left_is_deleted_after_a_day(sales: Cloud):
    march(sales, "g", "run-2", 4)
    sales.s3.put_object(Bucket=LAKE, Key="metadata/sales/left.avro", Body=b"")
    assert cleaned_up(sales, days=0.9).objects == 0
    assert cleaned_up(sales, days=1.1).objects == 2
    assert len(objects(sales)) == 6
    assert "left.avro" not in objects(sales, "metadata/")


def test_the_objects_of_other_tables_stay(sales: Cloud):
    sales.s3.put_object(Bucket=LAKE, Key="published/sales_other/a.parquet", Body=b"")
    cleaned_up(sales, days=30)
    assert "a.parquet" in objects(sales)


def test_metadata_stay_bounded(sales: Cloud):
    for n in range(30):
        commit(sales, march(sales, "a", f"run-{n}", n), run_id=f"run-{n}")
    cleaned_up(sales, days=8)
    names = objects(sales, "metadata/")
    assert sum(name.endswith(".metadata.json") for name in names) <= 22
    assert len(names) < 35
    assert len(table(sales).snapshots()) == 1
    assert (29, source("a"), "run-29") in quantities(sales)


def test_nothing_is_deleted_of_a_table_that_has_fewer_rows_than_promised(sales: Cloud):
    march(sales, "left", "run-2", 1)
    with pytest.raises(RowsLost, match="has 12 rows, and the ledger promises 13"):
        cleaned_up(sales, days=30, promised=Promises(rows=13))
    assert len(objects(sales)) == 7
    assert cleaned_up(sales, days=30, promised=Promises(rows=12)).objects == 1


def test_the_index_of_a_compacted_file_stays_as_long_as_the_file(sales: Cloud):
    compacted(sales)
    cleaned_up(sales, days=30)
    commit(sales, march(sales, "c", "run-2", 4), run_id="run-2")
    cleaned_up(sales, days=60)
    commit(sales, march(sales, "d", "run-3", 5), run_id="run-3")
    assert len(quantities(sales)) == 10


def test_only_iceberg_tables_are_maintained(sales: Cloud):
    sales.glue.create_table(DatabaseName=lake_of(sales)[1].database, TableInput={"Name": "flights"})
    assert list(iceberg_tables(lake_of(sales)[1])) == ["sales"]


def test_the_ledger_promises_the_rows_of_sources_of_which_no_run_goes_on(cloud: Cloud):
    def items(name: str, published: int, **head: object) -> None:
        ledger.put({"source": name, "version": HEAD, "published_version": "2", **head})
        ledger.put({"source": name, "version": "1", "status": "PUBLISHED", "published": 1_000})
        ledger.put({"source": name, "version": "2", "status": "PUBLISHED", "published": published})

    ledger = Items(cloud.dynamodb, LEDGER)
    items("a", 5, published_manifest="manifests/sales/a/1.json")
    items("b", 7, published_manifest="manifests/sales/b/1.json", pending=["manifests/sales/b/2.json"])
    items("c", 9, published_manifest="manifests/flights/c/1.json", pending=["manifests/sales/c/2.json"])
    items("d", 2, published_manifest="manifests/flights/d/1.json")
    ledger.put({"source": "e", "version": "1", "status": "REJECTED"})
    found = promises(ledger.scan())
    assert sorted(found["sales"].pending) == ["manifests/sales/b/2.json", "manifests/sales/c/2.json"]
    assert {name: each.rows for name, each in found.items()} == {"sales": 5, "flights": 2}
