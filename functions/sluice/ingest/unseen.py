"""Objects of the raw bucket that the ledger has never seen: no event of them came.

A new bucket's events may begin minutes after the deployment, and a rule that was changed or disabled sends none.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sluice.aws.object_version import ObjectVersion

GRACE = timedelta(minutes=10)
"""Younger objects are not missed yet: their events and validation take their time."""
MOST = 1_000
"""Objects that are compared with the ledger, latest first: each costs a read."""
MOST_PAGES = 100
"""Of 1,000 versions each, in the order of their keys; a listing costs 0.0005 dollars."""

Uploaded = tuple[datetime, ObjectVersion]
Entries = Callable[[Iterable[ObjectVersion]], dict[str, Any]]


def unseen(s3: Any, bucket: str, entries: Entries, *, now: datetime, within: timedelta) -> list[Uploaded]:
    """Return the latest versions of keys that are older than GRACE, younger than `within`, and not in the ledger.

    Latest first, with the time at which each was uploaded. entries: the ledger's entries of versions, by source id.
    """
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"MaxItems": MOST_PAGES * 1_000}
    )
    uploaded = [
        (found["LastModified"], ObjectVersion(bucket, found["Key"], found["VersionId"], "", found["Size"]))
        for page in pages
        for found in page.get("Versions", [])
        if found["IsLatest"] and GRACE <= now - found["LastModified"] <= within
        if not (found["Key"].endswith("/") and found["Size"] == 0)  # what a console makes as a folder
    ]
    latest = sorted(uploaded, key=lambda each: each[0], reverse=True)[:MOST]
    known = entries(version for _, version in latest)
    return [each for each in latest if each[1].id not in known]
