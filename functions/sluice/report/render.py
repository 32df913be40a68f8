"""Makes pages of their facts: one HTML file each, which needs nothing else, runs no script and opens offline."""

import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

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
        "plain": plain,
        "key": key_of,
        "quoted": lambda text: plain(shlex.quote(text)),
    }
    environment.globals |= {"told": told}
    return environment


def number(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.3g}"


def percent(value: float) -> str:
    """value: 0 to 100. What is there is never shown as nothing, and what is missing never as all."""
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


def plain(text: str) -> str:
    """Return a name with nothing in it that shapes the text around it: control and direction characters."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def key_of(address: str) -> str:
    """Return what people call a file: its key without the bucket; a path stays what it is."""
    return address.removeprefix("s3://").partition("/")[2] if address.startswith("s3://") else address


def told(value: float, unit: str) -> str:
    """Return a figure in its unit: number, percent, seconds, usd."""
    return {"number": number, "percent": percent, "seconds": seconds, "usd": usd}[unit](value)
