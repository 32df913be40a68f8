"""Files that wait to be run together: the gate judges each at once, but whoever put them starts their run.

A backfill of thousands of files would start as many runs, each with a crawl and a query of its own. Its uploads
carry a tag that says so. The tag holds for one key and for a time: a copy of the object elsewhere, or next week,
is an upload like any other.
"""

from collections.abc import Mapping

from sluice.aws.object_version import ObjectVersion

NAME = "sluice:wait"
ORIGIN = "sluice:origin"
"""The tag that says why an object was put: a backfill, a replay or a retraction, of which version."""
SECONDS = 24 * 3600
"""How long a tag holds: what is judged later starts its own run."""


def tag(source_hash: str, *, now: float) -> dict[str, str]:
    """Return the tag that makes an upload wait. source_hash: ObjectVersion.hash, which names its key."""
    return {NAME: f"{source_hash}:{int(now) + SECONDS}"}


def waits(tags: Mapping[str, str], source: ObjectVersion, *, now: float) -> bool:
    """Tell whether the tags make this very source wait now."""
    of, _, until = tags.get(NAME, "").partition(":")
    return of == source.hash and until.isdigit() and now < int(until)
