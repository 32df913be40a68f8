"""Texts of files that would be markup: escaping alone must hold them, without the content security policy."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import folder
from tests.browser.looking import look


@pytest.mark.parametrize("name", ["hostile", "hostile-rejected", "hostile-contract"])
def test_markup_in_names_and_cells_is_text_even_where_scripts_may_run(chromium: Browser, name: str):
    path = Path(folder().name) / f"{name}.html"
    with look(chromium, path, "phone", "light", policy=False) as seen:
        assert seen.page.evaluate("(document.head.append(document.createElement('script')), 1)") == 1
        assert (seen.measured["ran"], seen.measured["handlers"], seen.requests) == (False, [], [path.as_uri()])
        assert "<img src=x onerror=ran=1>" in seen.text


def test_a_page_that_took_them_as_they_are_would_be_caught(chromium: Browser, tmp_path: Path):
    path = tmp_path / "unescaped.html"
    source = Path(folder().name) / "hostile.html"
    path.write_text(source.read_text().replace("&lt;", "<").replace("&gt;", ">"))
    with look(chromium, path, "phone", "light", policy=False) as seen:
        assert (seen.measured["ran"], len(seen.requests) > 1) == (True, True)
