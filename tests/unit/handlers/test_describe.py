"""Pages of runs, of rejected files and of datasets, written on what Sluice tells."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urljoin

import polars as pl
import pytest

from sluice.aws.dynamodb import stored
from sluice.aws.object_keys import dataset_page_key, rejected_page_key, run_facts_key, run_key, run_page_key
from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import put_json
from sluice.contract import registry
from sluice.errors import UnexpectedEvent
from sluice.ledger.history import RunHistory
from sluice.ledger.runs import Run
from sluice.report import pages
from sluice.report.page_writer import PageWriter
from tests.contract import declared
from tests.unit.cloud import LEDGER, WORK, Cloud
from tests.unit.pages import Page
from tests.unit.sales_rows import as_csv

FILE = as_csv(
    {"unit_price": "19.99"},
    *[{}] * 15,
    {"sale_date": "2025-04-05"},
    {"channel": "<b>fax</b>"},
    {"channel": ""},
    {"is_test": "yes"},
)


def page(cloud: Cloud, key: str) -> Page:
    answer = cloud.s3.get_object(Bucket=WORK, Key=key)
    assert answer["ContentType"] == "text/html; charset=utf-8"
    return Page(answer["Body"].read().decode())


def document(cloud: Cloud, key: str) -> Any:
    return json.loads(cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read())


def rules_for(function: str) -> list[dict[str, Any]]:
    """The rules of the template that call a function."""
    rules = declared.resources("AWS::Events::Rule").values()
    wanted = {"Fn::GetAtt": [function, "Arn"]}
    return [rule for rule in rules if any(target["Arn"] == wanted for target in rule["Targets"])]


@contextmanager
def reads(module: ModuleType) -> Iterator[list[str]]:
    """Note each item of the ledger and each object that a module's clients read."""
    found: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "BatchGetItem":
            (wanted,) = params["RequestItems"].values()
            found.extend(f"ledger {key}" for key in wanted["Keys"])
        elif model.name in ("GetObject", "HeadObject"):
            found.append(f"s3 {model.name} {params['Key']}")

    clients = [module.S3, module.PAGES.history._items._client]
    for client in clients:
        client.meta.events.register("provide-client-params", note)
    try:
        yield found
    finally:
        for client in clients:
            client.meta.events.unregister("provide-client-params", note)


def published(cloud: Cloud, key: str = "sales/S001/2025-03-05.csv", body: str = FILE) -> ObjectVersion:
    source = cloud.put(key, body)
    cloud.run(source)
    return source


def test_the_page_of_a_run_says_what_the_manifest_says(cloud: Cloud):
    source = published(cloud)
    run_id = cloud.ledger.entry(source)["run_id"]
    assert cloud.describe() == [run_page_key(run_id), "pages/sales.html"]

    manifest = document(cloud, f"runs/{run_id}/{source.id}/manifest.json")
    shown = page(cloud, run_page_key(run_id))
    account = {name: manifest[name] for name in ("rows_in", "published", "quarantined")}
    assert shown.numbers == {**account, "discarded": sum(manifest["discarded"].values())}
    assert shown.numbers == {"rows_in": 20, "published": 17, "quarantined": 2, "discarded": 1}
    for name, rows in {**manifest["reasons"], **manifest["discarded"]}.items():
        assert f"{name}{rows}" in shown.text
    assert "row 18: <b>fax</b>" in shown.text
    assert "row 19: (empty)" in shown.text
    assert "Distribution of unit_price from 9.99 to 19.99, median 9.99" in shown.pictures


def test_what_a_file_says_is_text_on_the_page_and_nothing_else(cloud: Cloud):
    spoiled = as_csv(*[{}] * 9, {"channel": "<script>alert(1)</script>"})
    source = published(cloud, "sales/<img src=x>/2025-03-05.csv", spoiled)
    cloud.describe()
    key = run_page_key(cloud.ledger.entry(source)["run_id"])
    html = cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read().decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def run_of(cloud: Cloud, count: int) -> tuple[Run, list[ObjectVersion]]:
    """A run of many files that have all been published, and are to be completed."""
    sources = [cloud.put(f"sales/S{count}{number:02}/2025-03-05.csv", FILE) for number in range(count)]
    run = Run.of("sales", sources)
    put_json(cloud.s3, WORK, run_key(run.run_id), run.to_dict())
    for source in sources:
        cloud.validate(source)
        cloud.ledger.accept(source, run_id=run.run_id)
        for name in ("claim", "clean", "reconcile", "publish"):
            cloud.step(name, source)
    return run, sources


def test_a_run_of_many_files_is_described_when_the_last_one_is_done(cloud: Cloud):
    run, sources = run_of(cloud, 3)
    for source in sources:
        assert cloud.ended(run.run_id, "ABORTED") == []  # Recover is going to undo the rest, and to tell of it
        cloud.step("complete", source)
    assert cloud.ended(run.run_id) == [run_page_key(run.run_id), "pages/sales.html"]
    shown = page(cloud, run_page_key(run.run_id))
    assert shown.numbers == {"rows_in": 60, "published": 51, "quarantined": 6, "discarded": 3}
    assert all(source.key in shown.text for source in sources)


@pytest.mark.parametrize("count", [2, 8])
def test_a_run_of_many_files_reads_each_of_them_once(cloud: Cloud, count: int):
    heard = {kind for rule in rules_for("DescribeFunction") for kind in rule["EventPattern"]["detail-type"]}
    run, sources = run_of(cloud, count)
    for source in sources:
        cloud.step("complete", source)
    # That a file is published is told of each of them, and not to this function.
    assert not heard & {message["detail-type"] for message in cloud.messages() if "detail-type" in message}
    with reads(cloud.module("describe")) as read:
        assert cloud.ended(run.run_id)
    assert sum(item.startswith("ledger ") for item in read) == count
    documents = Counter(item for item in read if item.startswith("s3 "))
    assert set(documents.values()) == {1}
    of_sources = [item for item in documents if any(source.id in item for source in sources)]
    assert len(of_sources) == 8 * count  # manifest, validation report, and three files of rows, looked at and fetched
    assert len(documents) - len(of_sources) <= 3  # the run, its page and its dataset's, whatever their number


def test_the_page_of_a_file_without_a_row_says_that_nothing_is_published(cloud: Cloud):
    published(cloud)
    source = published(cloud, body=as_csv())
    cloud.describe()
    shown = page(cloud, run_page_key(cloud.ledger.entry(source)["run_id"]))
    assert shown.numbers == {}
    assert "No row came with this file: whatever was published of it before is gone from the table." in shown.text


def test_a_failed_file_is_shown_with_its_cause_and_what_the_table_has(cloud: Cloud):
    source = cloud.put("sales/S001/2025-03-05.csv", FILE)
    cloud.run(source, until="publish")
    cloud.step("undo", source, error={"Error": "RowsLost", "Cause": "7 != <8>"})
    run_id = cloud.ledger.entry(source)["run_id"]
    failed = [{"source": source.to_dict(), "error": {"Error": "RowsLost", "Cause": "7 != <8>"}}]
    cloud.invoke("report", {"run_id": run_id, "dataset": "sales", "failed": failed})
    assert cloud.describe() == [run_page_key(run_id), "pages/sales.html"]
    shown = page(cloud, run_page_key(run_id))
    assert "RowsLost: 7 != <8>" in shown.text
    assert "The table has what was published before." in shown.text
    assert f"sluice redrive {run_id}" in shown.text
    assert shown.numbers == {}  # nothing was published
    assert "RowsLost: 7 != <8>" in page(cloud, "pages/sales.html").text


def test_a_rejected_file_has_a_page_and_is_on_its_datasets(cloud: Cloud):
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv({}, {"channel": "fax"}))
    cloud.validate(source)
    assert cloud.describe() == [rejected_page_key(source.id), "pages/sales.html"]
    shown = page(cloud, rejected_page_key(source.id))
    assert shown.numbers == {"rows_in": 2, "quarantined": 1, "discarded": 0}
    assert "1 of 2 rows (50.0%) would be quarantined, the contract allows 20%" in shown.text
    assert "row 2: fax" in shown.text
    assert "1 file REJECTED" in page(cloud, "pages/sales.html").text


def test_a_rejection_that_the_ledger_does_not_know_yet_is_on_the_datasets_page(cloud: Cloud):
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv({}, {"channel": "fax"}))
    cloud.validate(source)
    cloud.dynamodb.update_item(  # as it is between the telling and the recording
        TableName=LEDGER,
        Key=stored({"source": source.uri, "version": source.version_id}),
        UpdateExpression="SET #status = :received, #dataset = :unknown",
        ExpressionAttributeNames={"#status": "status", "#dataset": "dataset"},
        ExpressionAttributeValues=stored({":received": "RECEIVED", ":unknown": "unknown"}),
    )
    cloud.describe()
    shown = page(cloud, "pages/sales.html")
    assert "1 file REJECTED" in shown.text
    assert "1 of 2 rows (50.0%) would be quarantined" in shown.text


def test_a_file_of_no_dataset_has_a_page_of_its_own_only(cloud: Cloud):
    source = cloud.put("elsewhere/day.csv", FILE)
    cloud.validate(source)
    assert cloud.describe() == [rejected_page_key(source.id)]
    assert "follows no dataset's naming convention" in page(cloud, rejected_page_key(source.id)).text


def test_the_page_of_a_dataset_adds_up_what_its_runs_say(cloud: Cloud):
    for day in (3, 4, 5):
        published(cloud, f"sales/S001/2025-03-0{day}.csv")
    cloud.describe()
    shown = page(cloud, dataset_page_key("sales"))
    assert shown.numbers == {"rows_in": 60, "published": 51, "quarantined": 6, "discarded": 3}
    assert "3 files PUBLISHED" in shown.text
    assert "expected every 2 days" in shown.text


def test_a_run_is_held_against_the_runs_before_it(cloud: Cloud):
    for day in range(1, 7):
        published(cloud, f"sales/S001/2025-03-0{day}.csv", as_csv(*[{"unit_price": f"{day}.00"}] * 20))
        cloud.describe()
    odd = as_csv(*[{"unit_price": "90.00"}] * 40, {"quantity": "0"})
    source = published(cloud, "sales/S001/2025-03-07.csv", odd)
    cloud.describe()
    told = document(cloud, run_facts_key(cloud.ledger.entry(source)["run_id"]))
    rows = next(measure for measure in told["measures"] if measure["name"] == "rows a file")
    assert (rows["value"], rows["before"], rows["usual"], rows["unusual"]) == (41, [20] * 6, 20, True)
    assert told["first_times"] == ["A reason that the last 6 run(s) did not have: quantity_is_between_1_and_1000"]
    price = next(column for column in told["columns"] if column["name"] == "unit_price")
    median = next(measure for measure in price["measures"] if measure["name"] == "median")
    assert (median["value"], median["before"], median["unusual"]) == (90, [1, 2, 3, 4, 5, 6], True)


def test_of_two_writers_of_a_datasets_page_none_hides_what_the_other_saw(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    published(cloud)
    contract = registry.load("sales")
    writer = PageWriter(cloud.s3, WORK, RunHistory(cloud.dynamodb, LEDGER))
    seen = []

    def latest(self: RunHistory, *given: Any, **more: Any) -> Any:
        entries = original(self, *given, **more)
        seen.append(len(entries))
        if len(seen) == 1:  # between reading and writing, another file is published and described
            published(cloud, "sales/S002/2025-03-05.csv")
            pages.dataset(writer, contract)
        return entries

    original = RunHistory.latest
    monkeypatch.setattr(RunHistory, "latest", latest)
    pages.dataset(writer, contract)
    assert seen == [1, 2, 2]
    assert "2 files PUBLISHED" in page(cloud, dataset_page_key("sales")).text


def site(cloud: Cloud) -> dict[str, bytes]:
    """Every object that pages may lead to, by its key."""
    listed = cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=WORK)
    keys = [entry["Key"] for found in listed for entry in found.get("Contents", [])]
    return {key: cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read() for key in keys}


def links_of(found: dict[str, bytes]) -> dict[str, set[str]]:
    """By page, the keys that it leads to, as a browser resolves them."""
    pages = {key: Page(body.decode()) for key, body in found.items() if key.endswith(".html")}
    return {
        key: {unquote(urljoin(f"/{key}", link)).removeprefix("/") for link in of.links} for key, of in pages.items()
    }


def test_pages_lead_to_each_other_and_no_link_is_dead(cloud: Cloud):
    first = published(cloud)
    cloud.describe()
    again = published(cloud, body=as_csv({}, {}))
    cloud.describe()
    rejected = cloud.put("sales/S002/2025-03-05.csv", as_csv({}, {"channel": "fax"}))
    cloud.validate(rejected)
    cloud.describe()
    runs = [cloud.ledger.entry(source)["run_id"] for source in (first, again)]
    found = site(cloud)
    links = links_of(found)
    assert {link for some in links.values() for link in some} <= {*found}
    old, new = map(run_page_key, runs)
    contract = "pages/sales.contract.html"
    assert links == {
        "pages/sales.html": {contract, old, new, rejected_page_key(rejected.id)},
        contract: {"pages/sales.html"},
        old: {"pages/sales.html", contract, new, f"runs/{runs[0]}/bad_rows.csv"},
        new: {"pages/sales.html", contract, old},
        rejected_page_key(rejected.id): {"pages/sales.html", contract},
    }


def test_a_page_that_has_expired_is_named_without_a_link(cloud: Cloud):
    source = published(cloud)
    cloud.describe()
    gone = run_page_key(cloud.ledger.entry(source)["run_id"])
    cloud.s3.delete_object(Bucket=WORK, Key=gone)  # as the bucket's lifecycle does after WorkDays
    published(cloud, "sales/S002/2025-03-05.csv")
    cloud.describe()
    found = site(cloud)
    assert gone not in {link for some in links_of(found).values() for link in some}
    assert source.key in Page(found["pages/sales.html"].decode()).text


def test_rows_of_a_replaced_version_are_not_counted_again(cloud: Cloud):
    first = published(cloud, body=as_csv(*[{}] * 19, {"channel": "fax"}))
    cloud.describe()
    second = published(cloud, body=as_csv(*[{}] * 12))
    cloud.describe()
    shown = page(cloud, dataset_page_key("sales"))
    assert shown.numbers == {"rows_in": 12, "published": 12, "quarantined": 0, "discarded": 0, "replaced": 19}
    assert shown.numbers["published"] == cloud.table().height
    assert "1 file PUBLISHED, 1 file REPLACED · 2 runs" in shown.text
    old, new = (document(cloud, run_facts_key(cloud.ledger.entry(each)["run_id"])) for each in (first, second))
    assert (old["status"], old["sources"][0]["status"]) == ("replaced", "REPLACED")
    assert (new["status"], new["sources"][0]["replaces"]) == ("published", old["run_id"])
    assert document(cloud, "pages/sales.json")["buckets"][0]["replaced"] == 19


def test_the_page_of_a_replaced_run_says_so_also_when_it_is_written_again(cloud: Cloud):
    first = published(cloud)
    run_id = cloud.ledger.entry(first)["run_id"]
    published(cloud, body=as_csv({}))
    cloud.describe()
    cloud.ended(run_id)
    assert document(cloud, run_facts_key(run_id))["status"] == "replaced"


def test_the_badge_of_a_dataset_shows_failures_until_a_later_version_is_published(cloud: Cloud):
    published(cloud)
    bad = cloud.put("sales/S002/2025-03-05.csv", as_csv({}, {"channel": "fax"}))
    cloud.validate(bad)
    cloud.describe()
    assert "1 file rejected" in page(cloud, "pages/sales.html").text
    published(cloud, "sales/S002/2025-03-05.csv", as_csv({}, {}))
    cloud.describe()
    shown = page(cloud, "pages/sales.html").text
    assert "1 file rejected" not in shown
    assert "a newer version of the file came since" in shown


def test_bad_rows_can_be_fetched_and_run_nothing_in_a_spreadsheet(cloud: Cloud):
    source = published(cloud, body=as_csv(*[{}] * 30, {"channel": "=1+1"}, {"channel": "fax", "unit_price": "-2"}))
    cloud.describe()
    key = f"runs/{cloud.ledger.entry(source)['run_id']}/bad_rows.csv"
    rows = pl.read_csv(io.BytesIO(site(cloud)[key]), infer_schema=False)
    assert rows.select("_source_key", "_row_number", "channel", "unit_price").rows() == [
        (source.uri, "31", "'=1+1", "9.99"),
        (source.uri, "32", "fax", "-2"),
    ]
    assert rows["_reasons"][0] == "channel_is_in_set"


def test_the_checks_of_a_rejected_file_are_listed_by_their_rows(cloud: Cloud):
    rows = [{"channel": "fax"}] * 3 + [{"quantity": "0"}] * 5 + [{"currency": "DEM"}]
    source = cloud.put("sales/S001/2025-03-05.csv", as_csv(*rows))
    cloud.validate(source)
    cloud.describe()
    shown = page(cloud, rejected_page_key(source.id)).text
    shown = shown[shown.index("Checks that failed") :]
    names = ("quantity_is_between_1_and_1000", "channel_is_in_set", "currency_is_in_set")
    assert sorted(names, key=shown.index) == [*names]


def test_an_event_without_a_page_is_refused(cloud: Cloud):
    with pytest.raises(UnexpectedEvent):
        cloud.invoke("describe", {"detail-type": "DatasetStale", "detail": {"dataset": "sales"}})
