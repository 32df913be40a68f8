"""The tag of uploads that are held for a batch: each is validated at once, and the sender's command starts the run.

A backfill of thousands of files would start as many runs, each with a crawl and a query of its own. The tag is valid
for one key and for a time: a copy of the object elsewhere, or next week, is an upload like any other.
"""

from collections.abc import Mapping

from sluice.aws.object_version import ObjectVersion

NAME = "sluice:wait"
ORIGIN = "sluice:origin"
"""The tag that says why an object was put: a backfill, or the replay or retraction of a version."""
SECONDS = 24 * 3600
"""How long a tag is valid: a file that is validated later starts its own run."""


def tag(source_hash: str, *, now: float) -> dict[str, str]:
    """Return the tag that holds an upload. source_hash: ObjectVersion.hash, which names its key."""
    return {NAME: f"{source_hash}:{int(now) + SECONDS}"}


def is_held(tags: Mapping[str, str], source: ObjectVersion, *, now: float) -> bool:
    """Return whether the tags hold this source now."""
    of, _, until = tags.get(NAME, "").partition(":")
    return of == source.hash and until.isdigit() and now < int(until)
