"""Pages as a reader walks through them, lying as they lie in the work bucket."""

from pathlib import Path
from urllib.parse import unquote, urlparse

from playwright.sync_api import Browser

from tests.browser.conftest import folder, shelf
from tests.browser.looking import look


def site() -> Path:
    shelf()
    return Path(folder().name) / "site"


def test_no_link_of_any_page_is_dead(chromium: Browser):
    pages = sorted(site().rglob("*.html"))
    assert len(pages) > 30
    links = {}
    for path in pages:
        with look(chromium, path, "desktop", "light") as seen:
            links[path] = seen.page.eval_on_selector_all("a", "all => all.map(each => each.href)")
    assert all(links.values())
    found = {link for some in links.values() for link in some}
    assert [link for link in found if not Path(unquote(urlparse(link).path)).is_file()] == []


def test_a_reader_walks_from_the_dataset_to_a_run_its_bad_rows_and_its_contract(chromium: Browser):
    with look(chromium, site() / "pages" / "sales.html", "phone", "light") as seen:
        seen.page.get_by_role("link", name="sales/S010/2025-03-08.csv").click()
        assert seen.page.locator("h1").inner_text() == "sales/S010/2025-03-08.csv"
        with seen.page.expect_download() as started:
            seen.page.get_by_role("link", name="All bad rows").click()
        assert started.value.suggested_filename.endswith(".csv")
        seen.page.get_by_role("link", name="contract, version 1").click()
        assert "Sending a file" in seen.page.locator("main").inner_text()
        seen.page.get_by_role("link", name="sales", exact=True).click()
        assert "Latest runs" in seen.page.locator("main").inner_text()


def test_of_many_columns_the_changed_one_is_the_first_and_most_are_folded(chromium: Browser):
    for count in (60, 300):
        path = Path(folder().name) / f"columns-{count}.html"
        with look(chromium, path, "desktop", "light") as seen:
            cards = seen.page.locator(".card:visible")
            assert cards.count() == 24
            assert cards.first.locator("h3").inner_text().startswith(f"c{count - 1:03}")
            assert "median" in cards.first.locator("li.unusual").inner_text()
            seen.page.locator("summary").click()
            assert seen.page.locator(".card:visible").count() == count
