"""Partition values as text, and their Hive paths, the same from every engine."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_SAFE = " !$&()+,-.;<>@_`|~"
"""What Hive and Spark leave unescaped in partition values, besides letters and digits."""


def partition_path(values: Mapping[str, Any]) -> str:
    """Return `name=value/…` for the partition columns, in their order; values percent-encoded as Hive does."""
    return "/".join(f"{name}={quote(str(value), safe=_SAFE)}" for name, value in values.items())
