"""Tags on the uploaded object version: what became of it, visible where the file lies."""

import re
from typing import Any

from botocore.exceptions import ClientError

from sluice.objects import ObjectVersion
from sluice.storage import gone

_LIMIT = 10
_FORBIDDEN = re.compile(r"[^\w .:/=+\-@]")
_PREFIX = "sluice:"


def tag(s3: Any, source: ObjectVersion, **values: object) -> None:
    """Set tags `sluice:<name>` on the version, keeping the tags that others set.

    An object has at most ten tags. The user's come first; of ours the ones named last are left out then.
    Raises ObjectGone when the version no longer exists.
    """
    place = {"Bucket": source.bucket, "Key": source.key, "VersionId": source.version_id}
    try:
        current = s3.get_object_tagging(**place)["TagSet"]
    except ClientError as error:
        raise gone(error, place) from error
    tags = merged({each["Key"]: each["Value"] for each in current}, values)
    s3.put_object_tagging(**place, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]})


def merged(current: dict[str, str], values: dict[str, object]) -> dict[str, str]:
    """Return at most ten tags: all that are not ours, then our new values, then our former ones."""
    theirs = {name: value for name, value in current.items() if not name.startswith(_PREFIX)}
    new = {_PREFIX + name: allowed(str(value)) for name, value in values.items()}
    former = {name: value for name, value in current.items() if name not in theirs and name not in new}
    ours = list({**new, **former}.items())
    return {**theirs, **dict(ours[: _LIMIT - len(theirs)])}


def allowed(text: str) -> str:
    """Return the text as a tag may hold it: 256 characters; others than letters, digits and _.:/=+-@ become _."""
    return _FORBIDDEN.sub("_", text)[:256]
