from pathlib import Path

import boto3

from cli.stack import pages
from cli.stack.connection import Stack
from sluice.aws.object_keys import run_page_key
from tests.unit.cloud import WORK, Cloud
from tests.unit.pages import Page
from tests.unit.sales_rows import as_csv

SHOPS = ("sales/S001/2025-03-05.csv", "sales/S002/2025-03-05.csv")


def published(cloud: Cloud, key: str) -> str:
    """Publish a file with one bad row; return the key of its run's page."""
    source = cloud.put(key, as_csv(*[{}] * 9, {"channel": "fax"}))
    cloud.run(source)
    cloud.describe()
    return run_page_key(cloud.ledger.entry(source)["run_id"])


def stack() -> Stack:
    return Stack("acme", boto3, {"WorkBucketName": WORK}, local=False)


def saved(cloud: Cloud, key: str, folder: Path) -> Path:
    return pages.save(stack(), key, cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read(), folder)


def dead(folder: Path) -> list[str]:
    found = {path: Page(path.read_text()).links for path in folder.rglob("*.html")}
    assert any(found.values())
    return [link for path, links in found.items() for link in links if not (path.parent / link).is_file()]


def test_reports_of_two_shops_lie_side_by_side_and_every_link_works(cloud: Cloud, tmp_path: Path):
    first, second = (saved(cloud, published(cloud, shop), tmp_path) for shop in SHOPS)
    assert [shop in path.read_text() for path, shop in ((first, SHOPS[0]), (second, SHOPS[1]))] == [True, True]
    assert first != second
    assert dead(tmp_path) == []
    assert len([*tmp_path.rglob("*.html")]) == 4  # two runs, their dataset, its contract
    assert len([*tmp_path.rglob("bad_rows.csv")]) == 2


def test_a_link_to_a_page_that_is_gone_becomes_text(cloud: Cloud, tmp_path: Path):
    gone, there = (published(cloud, shop) for shop in SHOPS)
    cloud.s3.delete_object(Bucket=WORK, Key=gone)
    dataset = saved(cloud, "pages/sales.html", tmp_path)
    assert dead(tmp_path) == []
    assert f"../{there}" in Page(dataset.read_text()).links
    assert SHOPS[0] in Page(dataset.read_text()).text


def test_no_more_pages_are_fetched_than_the_limit(cloud: Cloud, tmp_path: Path, monkeypatch):
    for shop in SHOPS:
        published(cloud, shop)
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    saved(cloud, "pages/sales.html", tmp_path)
    assert (len([*tmp_path.rglob("*.html")]), dead(tmp_path)) == (2, [])


def test_a_page_by_itself_has_no_links(cloud: Cloud):
    key = published(cloud, SHOPS[0])
    body = cloud.s3.get_object(Bucket=WORK, Key=key)["Body"].read()
    assert Page(body.decode()).links
    assert Page(pages.alone(key, body).decode()).links == []
