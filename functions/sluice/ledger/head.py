"""The item of a key as a whole, as it was read."""

from typing import Any

Head = dict[str, Any]

_MANIFESTS = ("published_manifest", "ready_manifest", "pending", "replaced")


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
