"""Tags of the uploaded object version: its validation result, its run and its status."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.object_version import ObjectVersion
from sluice.aws.s3 import gone

_LIMIT = 10
_FORBIDDEN = re.compile(r"[^\w .:/=+\-@]")
_PREFIX = "sluice:"


def read(s3: Any, source: ObjectVersion) -> dict[str, str]:
    """Return the version's tags. Raises ObjectGone when the version no longer exists."""
    version = _version(source)
    try:
        current = s3.get_object_tagging(**version)["TagSet"]
    except ClientError as error:
        raise gone(error, version) from error
    return {each["Key"]: each["Value"] for each in current}


def tag(s3: Any, source: ObjectVersion, /, **values: object) -> None:
    """Set tags `sluice:<name>` on the version, keeping the tags that others set.

    An object has at most ten tags. The user's come first; of ours the ones named last are left out then.
    Raises ObjectGone when the version no longer exists.
    """
    tags = merged(read(s3, source), values)
    s3.put_object_tagging(**_version(source), Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]})


def _version(source: ObjectVersion) -> dict[str, str]:
    return {"Bucket": source.bucket, "Key": source.key, "VersionId": source.version_id}


def merged(current: Mapping[str, str], values: Mapping[str, object]) -> dict[str, str]:
    """Return at most ten tags: those of others, then our new ones, then our former ones."""
    theirs = {name: value for name, value in current.items() if not name.startswith(_PREFIX)}
    new = {_PREFIX + name: allowed(str(value)) for name, value in values.items()}
    former = {name: value for name, value in current.items() if name not in theirs and name not in new}
    ours = list({**new, **former}.items())
    return {**theirs, **dict(ours[: _LIMIT - len(theirs)])}


def allowed(text: str) -> str:
    """Return the text as a tag may hold it: 256 characters; others than letters, digits and _.:/=+-@ become _."""
    return _FORBIDDEN.sub("_", text)[:256]
