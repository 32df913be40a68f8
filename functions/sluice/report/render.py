"""Renders pages from their facts: one HTML file each, which loads nothing, runs no script and opens offline."""

import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from sluice.runtime.text import printable

FOLDER = Path(__file__).parent / "templates"


def render(template: str, facts: dict[str, Any]) -> str:
    """Return the HTML of a page. template: its name without .html. Every fact is escaped."""
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
        "quoted": lambda text: printable(shlex.quote(text)),
    }
    environment.globals |= {"figure": figure}
    return environment


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
