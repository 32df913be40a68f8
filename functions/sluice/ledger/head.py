"""The item of a key as a whole.

It names the latest version accepted, who holds the lease, and lake manifests, by their keys: published_manifest is what
readers are promised; pending are those of publications that have begun and are neither promised nor removed; replaced
are those whose objects are to be removed; of emptied ones the objects are removed, and the manifest is left.
"""

from typing import Any

from sluice.aws.object_version import ObjectVersion

Head = dict[str, Any]

_MANIFESTS = ("published_manifest", "ready_manifest", "pending", "replaced", "emptied")


def may_publish(head: Head, run_id: str) -> bool:
    """Return whether the run has the lease and is not being undone."""
    return head.get("lease_owner") == run_id != head.get("undoing")


def without(manifest: str, head: Head, name: str) -> list[str]:
    """Return the manifests of one kind, without this one."""
    return [key for key in head.get(name, []) if key != manifest]


def as_read(head: Head) -> tuple[str, dict[str, Any]]:
    """Return the condition that the key's item names the manifests that it did when it was read, and its operands."""
    conditions = [
        f"#{name} = :read_{name}" if name in head else f"attribute_not_exists(#{name})" for name in _MANIFESTS
    ]
    return " AND ".join(conditions), {f"read_{name}": head[name] for name in _MANIFESTS if name in head}


def accepted_last(source: ObjectVersion, order: str) -> dict[str, str]:
    return {"latest_sequencer": order, "latest_version": source.version_id}
