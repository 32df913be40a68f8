"""Renders pages from their facts: one HTML file each, which loads nothing, runs no script and opens offline."""

import math
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from sluice.runtime.text import printable

FOLDER = Path(__file__).parent / "templates"


def render(template: str, facts: dict[str, Any]) -> str:
    """Return the HTML of a page. template: its name without .html. Every fact is escaped.

    facts["at"]: the key of the page, from which its links lead to other keys; a page without one has no links.
    """
    return _environment().get_template(f"{template}.html").render(facts)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "usd": usd,
        "seconds": seconds,
        "size": size,
        "when": when,
        "plain": printable,
        "key": key_of,
        "link": link,
        "ceiling": ceiling,
        "quoted": lambda text: printable(shlex.quote(text)),
    }
    environment.globals |= {"figure": figure}
    return environment


@jinja2.pass_context
def link(context: Mapping[str, Any], text: str, key: str) -> Markup:
    """Return a text as a link to the page with this key; as the text where the key is "" or the page has none."""
    if not key or not context.get("at"):
        return escape(text)
    page, _, part = key.partition("#")
    path = relpath(page, dirname(context["at"])) if page else ""
    return Markup('<a href="{}">{}</a>').format(quote(path) + (f"#{part}" if part else ""), text)


def ceiling(value: float) -> float:
    """Return the round number at which the axis of a chart ends: one digit, or 2.5, times a power of ten."""
    if value <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(value))
    top = next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if step * power >= value * (1 - 1e-9))
    return int(top) if top == int(top) else top


def number(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.3g}"


def percent(value: float) -> str:
    """value: 0 to 100. A small share is never shown as 0, a large one never as 100."""
    if 0 < value < 0.01:
        return "< 0.01\u00a0%"
    if 99.99 < value < 100:
        return "> 99.99\u00a0%"
    return f"{value:.2f}".rstrip("0").rstrip(".") + "\u00a0%"


def usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.6f}"


def seconds(value: float) -> str:
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(value: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1_000 or unit == "GB":
            break
        value /= 1_000
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"


def when(moment: str) -> str:
    """moment: ISO 8601 with a zone."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def key_of(address: str) -> str:
    """Return the key of an s3:// address; a path stays as it is."""
    return address.removeprefix("s3://").partition("/")[2] if address.startswith("s3://") else address


def figure(value: float, unit: str) -> str:
    """Return a figure in its unit: number, percent, seconds, usd."""
    return {"number": number, "percent": percent, "seconds": seconds, "usd": usd}[unit](value)
