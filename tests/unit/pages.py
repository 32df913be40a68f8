"""Reads pages as a browser would, without one: whole, standing alone, and with which numbers."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br"}
"""Elements without an end tag."""
CALLS_OUT = {"src", "href", "srcset", "action", "xlink:href", "poster", "data"}
"""Attributes by which a page fetches something."""


class Page(HTMLParser):
    """A parsed page. Raises AssertionError where its tags do not nest, or where it would fetch or run anything.

    numbers: id → the text of the element with it, where it is a number. ids: of all elements. text: all that is read.
    pictures: their words. links: where its anchors lead; only to files that lie where it lies.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.numbers: dict[str, int] = {}
        self.text = ""
        self.ids: set[str] = set()
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        assert "script" not in html.lower()
        assert not re.search(r"url\(|@import", html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.pop("href") or "")
            assert not re.match(r"[a-z+]+:|/", self.links[-1]), self.links[-1]
        self.ids |= {given["id"] or ""} if "id" in given else set()
        assert not CALLS_OUT & set(given), (tag, given)
        assert not [name for name in given if name.startswith("on")]
        if given.get("role") == "img":
            self.pictures.append(given["aria-label"] or "")
        if tag not in VOID:
            self.open.append((tag, given.get("id") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open[-1][0] == tag, f"</{tag}> inside of {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] != "style":
            self.text += data
            if self.open[-1][1] and data.replace(",", "").isdigit():
                self.numbers[self.open[-1][1]] = int(data.replace(",", ""))
