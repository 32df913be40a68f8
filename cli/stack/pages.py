"""Fetches pages of the work bucket with those that they lead to, so that their links work on this machine."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import unescape
from pathlib import Path
from posixpath import dirname, normpath
from urllib.parse import unquote

from cli.stack.connection import Stack

MOST_PAGES = 60
"""The most pages of one command."""

_LINK = re.compile(r'<a href="([^"#]*)(?:#[^"]*)?">(.*?)</a>', re.DOTALL)
_AT_ONCE = 8


def save(where: Stack, key: str, body: bytes, folder: Path) -> Path:
    """Write a page, and all that its links lead to, under their keys into a folder; return the path of the first.

    A link to what is not there (any more) becomes text.
    """
    bodies = {key: body}
    wanted = _targets(key, bodies[key])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while missing := sorted(wanted - bodies.keys())[: MOST_PAGES - len(bodies)]:
            found = dict(zip(missing, pool.map(partial(_body, where), missing), strict=True))
            bodies |= found
            wanted |= {target for each in found for target in _targets(each, found[each])}
    for each, body in bodies.items():
        if body:
            path = folder / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_relinked(each, body, lambda target: bool(bodies.get(target))))
    return folder / key


def alone(key: str, body: bytes) -> bytes:
    """Return a page without links to others, to be kept by itself."""
    return _relinked(key, body, lambda _: False)


def _body(where: Stack, key: str) -> bytes:
    s3 = where.client("s3")
    try:
        body: bytes = s3.get_object(Bucket=where.work, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return b""
    return body


def _targets(key: str, body: bytes) -> set[str]:
    """Return the keys that a page leads to."""
    if not key.endswith(".html"):
        return set()
    return {_target(key, link) for link, _ in _LINK.findall(body.decode())} - {key}


def _target(key: str, link: str) -> str:
    return normpath(f"{dirname(key)}/{unquote(unescape(link))}") if link else key


def _relinked(key: str, body: bytes, is_there: Callable[[str], bool]) -> bytes:
    if not key.endswith(".html"):
        return body

    def link(found: re.Match[str]) -> str:
        return found[0] if not found[1] or is_there(_target(key, found[1])) else found[2]

    return _LINK.sub(link, body.decode()).encode()
