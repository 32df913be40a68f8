"""Every action of a policy is in policy_sentry's list of actions. `make lint` runs this with checkov's packages."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from policy_sentry.querying.all import get_all_actions

from local.template import read_template


def actions(value: Any) -> Iterator[str]:
    """All actions of all policy statements, those of keys, queues, topics and buckets too."""
    if isinstance(value, dict):
        if "Effect" in value:
            given = value["Action"]
            yield from [given] if isinstance(given, str) else given
        for inner in value.values():
            yield from actions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from actions(inner)


if __name__ == "__main__":
    known = {action.lower() for action in get_all_actions()}
    used = set(actions(read_template(Path("template.yaml"))["Resources"]))
    unknown = sorted(action for action in used if not action.endswith(":*") and action.lower() not in known)
    sys.exit(f"no such actions: {', '.join(unknown)}" if unknown or len(used) < 50 else 0)
