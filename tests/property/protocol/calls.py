"""Calls of AWS clients, and their answers."""

from dataclasses import dataclass, field
from typing import Any

Answer = tuple[str, Any]
"""("answer", what the call returns) or ("error", the error's code)."""

READS = {
    "get_item",
    "get_object",
    "head_object",
    "list_objects_v2",
    "list_object_versions",
    "get_table",
    "get_tables",
    "get_partition",
    "get_partitions",
    "batch_get_partition",
    "batch_get_item",
    "scan",
    "get_iceberg_entry",
}


@dataclass(frozen=True)
class Call:
    """A call of an AWS client."""

    operation: str
    parameters: dict[str, Any] = field(hash=False)

    @property
    def reads(self) -> bool:
        return self.operation in READS

    def __str__(self) -> str:
        of = self.parameters
        if "UpdateExpression" in of:
            return f"{self.operation} {_updated(of)}"
        if "TransactItems" in of:
            return f"{self.operation} {' and '.join(_updated(each['Update']) for each in of['TransactItems'])}"
        named = of.get("Key") or of.get("Delete") or of.get("Prefix") or of.get("PartitionInputList") or of
        return f"{self.operation} {named}"


def _updated(update: dict[str, Any]) -> str:
    return f"{update['Key']['version']['S']}: {update['UpdateExpression']}"
