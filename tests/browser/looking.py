"""Opens pages in the Chromium of this machine and keeps what it did and saw."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DEVICES: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
MODES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_MEASURES = Path(__file__).with_name("measures.js").read_text()
_LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


def chromium() -> str | None:
    """Return the path of a Chromium: the variable CHROMIUM, or the first one that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Look:
    """An open page. requests: the addresses that it asked for; heard: what the console and its errors said."""

    page: Page
    path: Path
    device: str
    mode: str
    requests: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What measures.js returns."""
        found: dict[str, Any] = self.page.evaluate(_MEASURES)
        return found

    @cached_property
    def text(self) -> str:
        """What can be read: nothing that is hidden."""
        return self.page.locator("body").inner_text()


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the Chromium of this machine; without its sandbox only where it refuses to have one."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), chromium_sandbox=os.geteuid() != 0
        )
        yield started
        started.close()


@contextmanager
def look(
    chromium: Browser, path: Path, device: str, mode: Literal["light", "dark"], *, policy: bool = True
) -> Iterator[Look]:
    """Open a file. policy: False takes the page's content security policy away, so that its escaping stands alone."""
    context = chromium.new_context(color_scheme=mode, bypass_csp=not policy, **DEVICES[device])
    context.add_init_script(_LISTEN)
    page = context.new_page()
    seen = Look(page, path, device, mode)
    context.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.heard.append(str(error)))
    page.on("dialog", lambda dialog: seen.heard.append(f"dialog: {dialog.message}"))
    page.goto(path.as_uri(), wait_until="load")
    yield seen
    context.close()
