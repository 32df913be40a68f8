"""Every page as Chromium shows it: on a phone and on a desktop, in light and in dark."""

from pathlib import Path
from typing import Any

from tests.browser.looking import DEVICES, Look

BODY, LARGE = 4.5, 3.0
"""Contrast that text needs, and text of 24 pixels or more (WCAG 2.2, 1.4.3)."""


def test_it_opens_offline_and_complains_of_nothing(look: Look):
    assert look.requests == [look.path.as_uri()]
    assert look.heard == []
    assert look.measured["violations"] == []


def test_it_runs_nothing_and_embeds_nothing(look: Look):
    found = look.measured
    assert (found["foreign"], found["handlers"], found["ran"]) == ([], [], False)


def test_it_is_as_wide_as_the_screen(look: Look):
    width = DEVICES[look.device]["viewport"]["width"]
    assert look.measured["width"] == {"content": width, "window": width, "layout": width}
    assert look.measured["cut"] == []


def test_its_numbers_are_the_manifests(look: Look, expected: dict[str, Any]):
    shown = {name: look.page.locator(f"#{name}") for name in expected["numbers"]}
    assert all(element.is_visible() for element in shown.values())
    assert {name: element.inner_text() for name, element in shown.items()} == {
        name: f"{rows:,}" for name, rows in expected["numbers"].items()
    }


def test_it_says_what_it_must_and_keeps_quiet_about_people(look: Look, expected: dict[str, Any]):
    assert [text for text in expected["says"] if text not in look.text] == []
    assert [text for text in expected["never"] if text in look.page.content()] == []


def test_no_character_turns_the_text_around(look: Look):
    assert [char for char in look.text + look.page.title() if char not in "\n\t\xa0" and not char.isprintable()] == []


def test_its_text_is_readable(look: Look):
    texts = look.measured["texts"]
    assert len(texts) > 10
    assert [
        each for each in texts if each["contrast"] < (LARGE if each["size"] >= 24 else BODY) or each["size"] < 11
    ] == []


def test_its_pictures_can_be_seen_and_stay_in_their_places(look: Look):
    pictures = look.measured["pictures"]
    assert len(pictures) >= {"run": 30, "dataset": 8}.get(look.name, 0)
    assert [
        each
        for each in pictures
        if each["width"] < 20 or each["height"] < 5 or not each["drawn"] or not each["contained"] or not each["within"]
    ] == []


def test_it_is_dark_in_the_dark(look: Look, shots: Path):
    picture = shots / f"{look.name}-{look.device}-{look.mode}.png"
    look.page.screenshot(path=picture, full_page=True)
    assert look.measured["ground"] < 0.05 if look.mode == "dark" else look.measured["ground"] > 0.9
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
